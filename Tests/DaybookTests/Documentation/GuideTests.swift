import Daybook
import DaybookCore
import DaybookSQLite
import DaybookTesting
import Foundation
import Testing

// The samples of the guides stand here between marks; `scripts/check-samples` compares them with the articles.

private enum Ledger: Decider {
    enum Rejection: Error { case never }
    typealias State = Int
    static let initialState = 0
    static func decide(_ command: Int, in state: Int) throws(Rejection) -> [AccountEvent] {
        [.deposited(amount: command)]
    }
    static func evolve(_ state: inout Int, with event: AccountEvent) { state += 1 }
}

@Suite("The guides", .timeLimit(.minutes(1)))
struct GuideTests {
    @Test("to commands run")
    func commands() async throws {
        let store = InMemoryEventStore()

        // sample: handle a command
        let accounts = CommandHandler(CashAccount.self, in: store, category: "account")
        let receipt = try await accounts.handle(.deposit(amount: 100), id: "42", commandID: "deposit-17")
        print(receipt.events, "at position", receipt.position)
        // end of sample

        // sample: repeat a command
        let again = try await accounts.handle(.deposit(amount: 100), id: "42", commandID: "deposit-17")
        assert(again.isRepeat && again.position == receipt.position)
        // end of sample
        #expect(again.isRepeat)

        // sample: catch a rejection
        do {
            try await accounts.handle(.withdraw(amount: 500), id: "42")
        } catch .rejected(.insufficientCash(let requested, let available)) {
            print("\(requested) were asked for, and \(available) are there")
        }
        // end of sample

        // sample: say who asks
        try await CommandContext.with(actor: "clerk-7", reason: "agreed by telephone") {
            _ = try await accounts.handle(.deposit(amount: 25), id: "42")
        }
        // end of sample
        let events = try await store.readPage(of: "account-42", from: .end, direction: .backward, limit: 1).events
        #expect(try EventMetadata(decoding: events[0].metadata).actor == "clerk-7")

        // sample: record commands
        let audited = CommandHandler(CashAccount.self, in: store, category: "account", recording: .all)
        // end of sample
        try await audited.handle(.close, id: "42")
        #expect(try await store.state(of: "account_commands-42").lastVersion == 0)

        // sample: save snapshots
        let ledgers = CommandHandler(
            Ledger.self, in: store, category: "ledger", snapshots: .every(1_000), keptIn: store)
        // end of sample
        try await ledgers.handle([Int](repeating: 1, count: 1_001), id: "1")
        await ledgers.finishSnapshots()
    }

    @Test("to read models run")
    func readModels() async throws {
        let store = try await SQLiteEventStore.temporary()
        let accounts = CommandHandler(CashAccount.self, in: store, category: "account")
        typealias Balances = KeepReadModelsSamples.Balances

        // sample: run a projection
        let runner = ProjectionRunner(Balances(), of: store, in: store)
        let running = Task { try await runner.run() }

        let receipt = try await accounts.handle(.deposit(amount: 100), id: "42")
        try await runner.readModel.wait(for: receipt.position)
        let balance = try await runner.readModel.document("account-42")
        // end of sample
        #expect(balance?.amount == 100)
        running.cancel()
        try await running.value

        // sample: park keys
        let careful = ProjectionRunner(Balances(), of: store, in: store, failurePolicy: .parkKeys(limit: 100))
        // end of sample
        _ = try await careful.catchUp()

        // sample: resume keys
        for parked in try await careful.parkedKeys() {
            print("\(parked.key) stopped before position \(parked.position): \(parked.reason)")
            try await careful.resume(parked.key)
        }
        // end of sample

        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("daybook-guide-\(EventID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("bank.daybook").path

        // sample: project inline
        var configuration = SQLiteEventStore.Configuration()
        configuration.inlineReadModels = [InlineProjection(Balances())]
        let inline = try await SQLiteEventStore.open(path, configuration: configuration)
        let balances = ReadModel(Balances(), of: inline, in: inline)
        // end of sample
        try await CommandHandler(CashAccount.self, in: inline, category: "account").handle(.deposit(amount: 1), id: "1")
        #expect(try await balances.document("account-1")?.amount == 1)
        await inline.close()
    }

    @Test("to rebuilding run")
    func rebuilding() async throws {
        struct BalancesV1: Projection {
            let name: ReadModelName = "balances-1"
            func keys(for event: AccountEvent, recorded: RecordedEvent) -> [String] { [recorded.stream.rawValue] }
            func apply(_ event: AccountEvent, recorded: RecordedEvent, key: String, to document: inout Int?) {
                document = (document ?? 0) + 1
            }
        }
        struct BalancesV2: Projection {
            let name: ReadModelName = "balances-2"
            func keys(for event: AccountEvent, recorded: RecordedEvent) -> [String] { [recorded.stream.rawValue] }
            func apply(_ event: AccountEvent, recorded: RecordedEvent, key: String, to document: inout Int?) {
                document = (document ?? 0) + 1
            }
        }
        let store = InMemoryEventStore()
        try await CommandHandler(CashAccount.self, in: store, category: "account").handle(.deposit(amount: 1), id: "1")
        _ = try await ProjectionRunner(BalancesV1(), of: store, in: store).catchUp()

        // sample: rebuild
        let rebuild = try ProjectionRebuild(
            of: "balances", from: BalancesV1(), to: BalancesV2(), log: store, models: store)
        try await rebuild.build { print("\(Int($0.fraction * 100)) %, \($0.timeLeft ?? .zero) left") }
        let comparison = try await rebuild.compare()
        for difference in comparison.differences {
            print(difference.kind, difference.key, "by positions", difference.causes.map(\.position))
        }
        try await rebuild.switchOver(comparison, allowing: 0)
        // end of sample

        // sample: ask the alias
        let alias = ReadModelAlias("balances", in: store)
        let isNew = try await alias.target() == "balances-2"
        // end of sample
        #expect(isNew)
    }

    @Test("to the past run")
    func past() async throws {
        typealias Balances = ReadThePastSamples.Balances
        let time = DrivenTime()
        let store = InMemoryEventStore(time: time.source)
        let accounts = CommandHandler(CashAccount.self, in: store, category: "account")
        try await accounts.handle(.deposit(amount: 100), id: "42")
        let midnight = time.now
        time.advance(by: .seconds(60))
        try await accounts.handle(.withdraw(amount: 30), id: "42")

        // sample: ask for a document
        let history = ProjectionHistory(Balances(), of: store)
        let then = try await history.document("account-42", asOf: .time(midnight))
        // end of sample
        #expect(then?.amount == 100)

        // sample: ask for a state
        let state = try await accounts.state(of: "42", asOf: .time(midnight)).state
        let night = try await accounts.difference(of: "42", from: .time(midnight))
        print("from \(night.before.state.balance) to \(night.after.state.balance) by", night.steps.map(\.events))
        // end of sample
        #expect(state.balance == 100 && night.after.state.balance == 70)

        // sample: replay the application
        let past = try await Replay(of: store).inMemory(asOf: .time(midnight))
        let balances = ProjectionRunner(Balances(), of: past, in: past)
        _ = try await balances.catchUp()
        // end of sample
        #expect(try await balances.readModel.document("account-42")?.amount == 100)

        // sample: compare two moments
        for change in try await LogDifference(of: store, from: .time(midnight)).streams {
            print(change.stream, change.versions, change.eventCounts)
        }
        // end of sample
    }

    @Test("to deciding again run")
    func decidingAgain() async throws {
        typealias CarefulAccount = DecideAgainSamples.CarefulAccount
        let time = DrivenTime()
        let store = InMemoryEventStore(time: time.source)
        let yesterday = time.now
        time.advance(by: .seconds(60))
        let accounts = CommandHandler(CashAccount.self, in: store, category: "account", recording: .all)
        try await accounts.handle([.deposit(amount: 150), .withdraw(amount: 60)], id: "1")
        let today = time.now

        // sample: decide again
        let replay = DecisionReplay(CarefulAccount.self, of: "account", in: store)
        let report = try await replay.run(after: .time(yesterday), through: .time(today))
        print("\(report.differenceCount) of \(report.commandCount) would come out differently")
        for difference in report.differences {
            print(difference.id, difference.command, difference.recorded, "→", difference.replayed)
        }
        // end of sample
        #expect(report.differenceCount == 1 && report.commandCount == 2)
    }

    @Test("to deciding over several subjects again run")
    func decidingOverSeveralSubjectsAgain() async throws {
        typealias Enrolment = BoundarySamples.Enrolment
        typealias SmallClasses = BoundarySamples.SmallClasses
        let store = InMemoryEventStore()
        let offered = BoundarySamples.SchoolEvent.offered(course: "algebra", seats: 9)
        let encoded = try JSONEventCodec<BoundarySamples.SchoolEvent>().encode(offered)
        try await store.append([NewEvent(encoded, tags: offered.tags)], to: "course-algebra")

        // sample: record boundary commands
        let enrolments = BoundaryHandler(Enrolment.self, in: store).recording(.all, in: "enrolment_commands")
        // end of sample
        try await enrolments.handle(.init(student: "ada", course: "algebra"))
        try await enrolments.handle(.init(student: "bo", course: "algebra"))

        // sample: decide over several subjects again
        let replay = BoundaryDecisionReplay(SmallClasses.self, recordedIn: "enrolment_commands", from: store)
        let report = try await replay.run()
        // end of sample
        #expect(report.commandCount == 2 && report.counts == [.nowRejected: 1])
    }

    @Test("to decisions over several subjects run")
    func boundaries() async throws {
        typealias Enrolment = BoundarySamples.Enrolment
        let store = InMemoryEventStore()
        let offered = BoundarySamples.SchoolEvent.offered(course: "algebra", seats: 1)
        let encoded = try JSONEventCodec<BoundarySamples.SchoolEvent>().encode(offered)
        try await store.append([NewEvent(encoded, tags: offered.tags)], to: "course-algebra")

        // sample: handle a boundary
        let enrolments = BoundaryHandler(Enrolment.self, in: store)
        try await enrolments.handle(.init(student: "ada", course: "algebra"), commandID: "enrol-17")
        // end of sample
        await #expect(throws: BoundaryError<Enrolment.Rejection>.self) {
            try await enrolments.handle(.init(student: "bo", course: "algebra"))
        }
    }

    @Test("to processes run")
    func processes() async throws {
        typealias Fulfilment = ProcessSamples.Fulfilment
        let store = InMemoryEventStore()
        let stock = CommandHandler(ProcessSamples.Stock.self, in: store, category: "stock")
        let encoded = try JSONEventCodec<ProcessSamples.OrderEvent>().encode(.placed(order: "7"))
        try await store.append([NewEvent(encoded)], to: "order-7")
        let running = Task {
            // sample: run a process
            let runner = ProcessRunner(Fulfilment.self, of: store, in: store) { command, id in
                try await stock.handle(command, id: "1", commandID: id)
            }
            try await runner.run()
            // end of sample
        }
        while try await stock.state(of: "1").version == nil { await Task.yield() }
        running.cancel()
        try await running.value
    }
}

private enum KeepReadModelsSamples {
    // sample: write a projection
    struct Balances: Projection {
        struct Balance: Codable, Sendable {
            var amount = 0
        }

        let name: ReadModelName = "balances"

        func keys(for event: AccountEvent, recorded: RecordedEvent) -> [String] { [recorded.stream.rawValue] }

        func apply(_ event: AccountEvent, recorded: RecordedEvent, key: String, to document: inout Balance?) {
            switch event {
            case .deposited(let amount): document = Balance(amount: (document?.amount ?? 0) + amount)
            case .withdrawn(let amount): document?.amount -= amount
            case .closed: document = nil
            }
        }

        func keys(forUnreadable recorded: RecordedEvent) -> [String]? { [recorded.stream.rawValue] }
    }
    // end of sample
}

private enum ReadThePastSamples {
    enum Tags { static let account = TagKey<String>("account") }

    struct Balances: Projection {
        typealias Balance = KeepReadModelsSamples.Balances.Balance
        let name: ReadModelName = "balances"
        func keys(for event: AccountEvent, recorded: RecordedEvent) -> [String] { [recorded.stream.rawValue] }
        func apply(_ event: AccountEvent, recorded: RecordedEvent, key: String, to document: inout Balance?) {
            KeepReadModelsSamples.Balances().apply(event, recorded: recorded, key: key, to: &document)
        }
    }

    struct Tagged {
        // sample: find a document's events
        func filter(for key: String) -> EventFilter { EventFilter(tags: [Tags.account(key)]) }
        // end of sample
    }
}

private enum DecideAgainSamples {
    // sample: write the new rule
    enum CarefulAccount: Decider {
        static let initialState = CashAccount.initialState

        static func decide(
            _ command: CashAccount.Command, in state: CashAccount.State
        ) throws(CashAccount.Rejection) -> [AccountEvent] {
            if case .withdraw(let amount) = command, amount > state.balance - 100 {
                throw .insufficientCash(requested: amount, available: max(0, state.balance - 100))
            }
            return try CashAccount.decide(command, in: state)
        }

        static func evolve(_ state: inout CashAccount.State, with event: AccountEvent) {
            CashAccount.evolve(&state, with: event)
        }
    }
    // end of sample
}

private enum BoundarySamples {
    typealias Tag = DaybookCore.Tag

    // sample: tag events
    enum Tags {
        static let course = TagKey<String>("course")
        static let student = TagKey<String>("student")
    }

    enum SchoolEvent: DomainEvent, Equatable {
        case offered(course: String, seats: Int)
        case enrolled(student: String, course: String)

        static let typePrefix = "school"
        var tags: [Tag] {
            switch self {
            case .offered(let course, _): [Tags.course(course)]
            case .enrolled(let student, let course): [Tags.student(student), Tags.course(course)]
            }
        }
    }
    // end of sample

    // sample: draw a boundary
    enum Enrolment: BoundaryDecider {
        typealias Event = SchoolEvent
        struct Command: Codable {
            var student: String
            var course: String
        }
        struct State {
            var seats = 0
            var students: Set<String> = []
            var courses: Set<String> = []
            let command: Command
        }
        enum Rejection: Error { case full, tooManyCourses }

        static func boundary(of command: Command) -> EventQuery {
            EventQuery(items: [
                .init(tags: [Tags.course(command.course)]), .init(tags: [Tags.student(command.student)]),
            ])
        }

        static func initialState(for command: Command) -> State { State(command: command) }

        static func decide(_ command: Command, in state: State) throws(Rejection) -> [PlacedEvent] {
            if state.students.contains(command.student) { return [] }
            guard state.students.count < state.seats else { throw .full }
            guard state.courses.count < 2 else { throw .tooManyCourses }
            let event = SchoolEvent.enrolled(student: command.student, course: command.course)
            return [PlacedEvent(event, in: StreamName(unchecked: "student-\(command.student)"))]
        }

        static func evolve(_ state: inout State, with event: SchoolEvent, of stream: StreamName) {
            switch event {
            case .offered(let course, let seats): if course == state.command.course { state.seats = seats }
            case .enrolled(let student, let course):
                if course == state.command.course { state.students.insert(student) }
                if student == state.command.student { state.courses.insert(course) }
            }
        }
    }
    // end of sample

    // sample: write the new rule over several subjects
    enum SmallClasses: BoundaryDecider {
        static func boundary(of command: Enrolment.Command) -> EventQuery { Enrolment.boundary(of: command) }
        static func initialState(for command: Enrolment.Command) -> Enrolment.State {
            Enrolment.initialState(for: command)
        }

        static func decide(
            _ command: Enrolment.Command, in state: Enrolment.State
        ) throws(Enrolment.Rejection) -> [PlacedEvent] {
            guard state.students.count < 1 else { throw .full }
            return try Enrolment.decide(command, in: state)
        }

        static func evolve(_ state: inout Enrolment.State, with event: SchoolEvent, of stream: StreamName) {
            Enrolment.evolve(&state, with: event, of: stream)
        }
    }
    // end of sample
}

private enum ProcessSamples {
    enum OrderEvent: DomainEvent {
        case placed(order: String)
        case paid(order: String)
        static let typePrefix = "order"
        var order: String {
            switch self {
            case .placed(let order), .paid(let order): order
            }
        }
    }

    enum StockCommand: Codable, Sendable {
        case reserve(String)
        case ship(String)
        case release(String)
    }

    enum Stock: Decider {
        enum Event: DomainEvent {
            case moved(String)
            static let typePrefix = "stock"
        }
        enum Rejection: Error { case never }
        static let initialState = 0
        static func decide(_ command: StockCommand, in state: Int) throws(Rejection) -> [Event] {
            switch command {
            case .reserve(let order), .ship(let order), .release(let order): [.moved(order)]
            }
        }
        static func evolve(_ state: inout Int, with event: Event) { state += 1 }
    }

    // sample: write a process
    enum Fulfilment: ProcessManager {
        enum Event: DomainEvent {
            case started(order: String)
            case finished
            case failed(reason: String)
            static let typePrefix = "fulfilment"
        }
        struct State {
            var order = ""
            var isOpen = false
        }

        static let category: DaybookCore.Category = "fulfilment"
        static let initialState = State()

        static func processIDs(for input: OrderEvent, recorded: RecordedEvent) -> [String] { [input.order] }

        static func react(to input: OrderEvent, in state: State) -> [ProcessAction<Event, StockCommand>] {
            switch input {
            case .placed(let order):
                [
                    .record(.started(order: order)), .send(.reserve(order)),
                    .setDeadline("payment", after: .seconds(900)),
                ]
            case .paid(let order):
                state.isOpen ? [.cancelDeadline("payment"), .send(.ship(order)), .record(.finished)] : []
            }
        }

        static func react(toDeadline name: String, in state: State) -> [ProcessAction<Event, StockCommand>] {
            state.isOpen ? [.send(.release(state.order)), .record(.failed(reason: "not paid"))] : []
        }

        static func react(
            toRejectionOf command: StockCommand, reason: String, in state: State
        ) -> [ProcessAction<Event, StockCommand>] {
            [.cancelDeadline("payment"), .record(.failed(reason: reason))]
        }

        static func evolve(_ state: inout State, with event: Event) {
            switch event {
            case .started(let order): state = State(order: order, isOpen: true)
            case .finished, .failed: state.isOpen = false
            }
        }
    }
    // end of sample
}
