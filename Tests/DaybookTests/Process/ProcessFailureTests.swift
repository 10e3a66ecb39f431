import Daybook
import DaybookCore
import DaybookTesting
import Synchronization
import Testing

/// Orders what is sold, and cannot take a deadline or a rejection before it is mended.
private enum Touchy: ProcessManager {
    enum Event: DomainEvent {
        case ended(reason: String)
        static let typePrefix = "touchy"
    }
    struct Unready: Error {}

    @TaskLocal static var isMended = false

    static let category: DaybookCore.Category = "touchy"
    static let initialState: [String] = []

    static func processIDs(for input: SaleEvent, recorded: RecordedEvent) -> [String] { [input.sale] }
    static func react(to input: SaleEvent, in state: [String]) -> [ProcessAction<Event, String>] {
        [.send("order \(input.sale)"), .setDeadline("payment", after: .seconds(60))]
    }
    static func react(toDeadline name: String, in state: [String]) throws -> [ProcessAction<Event, String>] {
        guard isMended else { throw Unready() }
        return [.record(.ended(reason: "not paid"))]
    }
    static func react(
        toRejectionOf command: String, reason: String, in state: [String]
    ) throws -> [ProcessAction<Event, String>] {
        guard isMended else { throw Unready() }
        return [.cancelDeadline("payment"), .record(.ended(reason: reason))]
    }
    static func evolve(_ state: inout [String], with event: Event) {
        if case .ended(let reason) = event { state.append(reason) }
    }
}

/// Has a deadline that never comes, one that is long over, and one in between.
private enum Patient: ProcessManager {
    enum Event: DomainEvent {
        case passed(String)
        static let typePrefix = "patient"
    }

    static let category: DaybookCore.Category = "patient"
    static let initialState: [String] = []

    static func processIDs(for input: SaleEvent, recorded: RecordedEvent) -> [String] { [input.sale] }
    static func react(to input: SaleEvent, in state: [String]) -> [ProcessAction<Event, String>] {
        [
            .setDeadline("never", after: .seconds(Int64.max)), .setDeadline("over", after: .seconds(-100_000_000_000)),
            .setDeadline("soon", after: .seconds(60)),
        ]
    }
    static func react(toDeadline name: String, in state: [String]) -> [ProcessAction<Event, String>] {
        [.record(.passed(name))]
    }
    static func react(
        toRejectionOf command: String, reason: String, in state: [String]
    ) -> [ProcessAction<Event, String>] { [] }
    static func evolve(_ state: inout [String], with event: Event) {
        if case .passed(let name) = event { state.append(name) }
    }
}

@Suite("A process manager that meets what it cannot do")
struct ProcessFailureTests {
    typealias Store = any EventStore & ReadModelStore

    private struct Broken: Error {}
    private struct Refused: CommandRejection {
        var rejectionReason: String? { "out of stock" }
    }

    /// Parks a command soon.
    private static let policy = ConsumerPolicy(deliveries: 2, backoff: .zero, pollInterval: .milliseconds(1))

    /// Reads sales whose number was once written as a number.
    private struct MendedReader: EventReader {
        func decode(_ event: RecordedEvent) throws(EventDecodingError) -> [SaleEvent] {
            event.data.elementsEqual(#"{"sale":7}"#.utf8)
                ? [.placed(sale: "7")] : try SaleEvent.makeReader().decode(event)
        }
    }

    private func record(_ events: [SaleEvent], in store: any EventStore) async throws {
        let codec = JSONEventCodec<SaleEvent>()
        try await store.append(try events.map { NewEvent(try codec.encode($0)) }, to: "sales")
    }

    /// How many events of each type the log has.
    private func kinds(in store: any EventStore) async throws -> [String: Int] {
        var kinds: [String: Int] = [:]
        for try await event in store.events(filter: .all) { kinds[event.type.rawValue, default: 0] += 1 }
        return kinds
    }

    @Test(
        "stops before an input that it cannot read, and goes on with a mended reader as if nothing had been",
        .timeLimit(.minutes(1)), arguments: TestStore.all, [1, 500])
    func undecodable(_ make: TestStore, batchSize: Int) async throws {
        let store = try await make.make()
        let shelf = CommandHandler(Shelf.self, in: store, category: "shelf")
        // Stands still, so that no deadline passes.
        let time = DrivenTime(at: TimeSource.system.now).source
        @Sendable func send(_ command: Shelf.Command, _ id: CommandID) async throws {
            try await shelf.handle(command, id: "1", commandID: id)
        }
        try await record([.placed(sale: "1"), .placed(sale: "2"), .paid(sale: "2")], in: store)
        try await store.append([NewEvent(type: "sale.placed", data: Array(#"{"sale":7}"#.utf8))], to: "sales")
        try await record([.placed(sale: "3"), .paid(sale: "1")], in: store)
        for isRunning in [false, true, false] {
            let runner = ProcessRunner(
                Fulfilment.self, of: store, in: store, batchSize: batchSize, policy: Self.policy, time: time, send: send
            )
            let error = await #expect(throws: ProcessError.self) {
                if isRunning { try await runner.run() } else { try await runner.react() }
            }
            guard case .undecodable(let cause)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(cause.position == 4 && cause.type == "sale.placed")
            #expect(try await runner.state(of: "1").state.isOpen)
            #expect(try await runner.state(of: "2").state == Fulfilment.State(sale: "2", isOpen: false))
            for sale in ["3", "7"] { #expect(try await runner.state(of: sale).version == nil) }
        }
        let mended = ProcessRunner(
            Fulfilment.self, of: store, in: store, reader: MendedReader(), batchSize: batchSize, policy: Self.policy,
            time: time, send: send)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await mended.run() }
            try await eventually("all is sent") {
                let state = try await shelf.state(of: "1").state
                return state.reserved == ["3", "7"] && state.shipped.count == 2
            }
            group.cancelAll()
        }
        let kinds = try await kinds(in: store)
        #expect(kinds["fulfilment.started"] == 4 && kinds["fulfilment.finished"] == 2)
        #expect(kinds["process.sent"] == 6 && kinds["shelf.reserved"] == 4 && kinds["shelf.shipped"] == 2)
        #expect(kinds["process.deadlineSet"] == 4 && kinds["process.deadlineCancelled"] == 2)
    }

    @Test(
        "parks a command that keeps failing, sends the others, and replays it to one effect", .timeLimit(.minutes(1)),
        arguments: TestStore.all)
    func parkedCommand(_ make: TestStore) async throws {
        let store = try await make.make()
        let shelf = CommandHandler(Shelf.self, in: store, category: "shelf")
        let isMended = Mutex(false)
        let isFirst = Countdown(1)
        let time = DrivenTime(at: TimeSource.system.now).source
        let runner = ProcessRunner(Fulfilment.self, of: store, in: store, policy: Self.policy, time: time) {
            command, id in
            // It fails before its effect the first time, and after it the second.
            let fails = command == .reserve("2") && !isMended.withLock { $0 }
            if fails, isFirst.take() { throw Broken() }
            try await shelf.handle(command, id: "1", commandID: id)
            if fails { throw Broken() }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runner.run() }
            try await record([.placed(sale: "1"), .placed(sale: "2"), .placed(sale: "3")], in: store)
            try await eventually("the command is parked") { try await !runner.commands.parked().isEmpty }
            try await record([.paid(sale: "2"), .paid(sale: "1"), .paid(sale: "3")], in: store)
            try await eventually("the others are shipped") {
                try await shelf.state(of: "1").state.shipped.sorted() == ["1", "3"]
            }
            try await eventually("the next command of the process waits behind it") {
                try await runner.commands.parked().first?.waiting == 1
            }
            let parked = try await runner.commands.parked()
            #expect(parked.map(\.key) == ["fulfilment-2"] && parked.map(\.deliveries) == [2])
            #expect(parked[0].reason.contains("Broken"))
            let sent = try await store.readPage(
                from: .position(parked[0].position), direction: .forward, filter: .all, limit: 1)
            #expect(sent.events.first?.type == "process.sent" && sent.events.first?.stream == "fulfilment-2")
            isMended.withLock { $0 = true }
            try await runner.commands.replay("fulfilment-2")
            try await eventually("it is shipped, too") {
                try await shelf.state(of: "1").state.shipped.sorted() == ["1", "2", "3"]
            }
            group.cancelAll()
        }
        #expect(try await runner.commands.parked().isEmpty)
        let kinds = try await kinds(in: store)
        #expect(kinds["shelf.reserved"] == 3 && kinds["shelf.shipped"] == 3 && kinds["process.sent"] == 6)
    }

    @Test(
        "stops at a deadline that it cannot react to, which passes once when that is mended", .timeLimit(.minutes(1)),
        arguments: TestStore.all)
    func deadline(_ make: TestStore) async throws {
        let store = try await make.make()
        let time = DrivenTime(at: TimeSource.system.now)
        try await record([.placed(sale: "1")], in: store)
        time.advance(by: .seconds(3600))
        let runner = ProcessRunner(
            Touchy.self, of: store, in: store, policy: Self.policy, time: time.source
        ) { _, _ in }
        for _ in 0..<2 {
            await #expect(
                throws: ProcessError.reactionFailed(
                    process: "touchy-1", to: "deadline 'payment'", reason: "Unready()")
            ) { try await runner.run() }
            #expect(try await runner.deadlines(of: "1").keys.sorted() == ["payment"])
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await Touchy.$isMended.withValue(true) { try await runner.run() } }
            try await eventually("the deadline passes") { try await runner.state(of: "1").state == ["not paid"] }
            group.cancelAll()
        }
        #expect(try await runner.deadlines(of: "1").isEmpty)
        #expect(try await kinds(in: store)["process.deadlinePassed"] == 1)
    }

    @Test("says why it has stopped, also while a deadline waits for its reactions", .timeLimit(.minutes(1)))
    func failureBeforeDeadline() async throws {
        let store = InMemoryEventStore()
        let time = DrivenTime(at: TimeSource.system.now)
        let runner = ProcessRunner(
            Fulfilment.self, of: store, in: store, policy: Self.policy, time: time.source
        ) { _, _ in }
        try await record([.placed(sale: "1")], in: store)
        try await runner.react()
        time.advance(by: .seconds(3600))
        try await record([.placed(sale: "unwanted")], in: store)
        // Whether the deadline hears of the failure before it is told is a matter of chance.
        for _ in 0..<100 {
            let error = await #expect(throws: ProcessError.self) { try await runner.run() }
            guard case .failed? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
        #expect(try await runner.deadlines(of: "1").keys.sorted() == ["payment"])
    }

    @Test("has deadlines as far away as there are times", .timeLimit(.minutes(1)), arguments: TestStore.all)
    func farDeadlines(_ make: TestStore) async throws {
        let store = try await make.make()
        let time = DrivenTime(at: TimeSource.system.now)
        try await record([.placed(sale: "1")], in: store)
        time.advance(by: .seconds(3600))
        let runner = ProcessRunner(
            Patient.self, of: store, in: store, policy: Self.policy, time: time.source
        ) { _, _ in }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runner.run() }
            try await eventually("what is due has passed") {
                try await runner.state(of: "1").state == ["over", "soon"]
            }
            group.cancelAll()
        }
        let last = try #require(Timestamp("9999-12-31T23:59:59.999999Z"))
        #expect(try await runner.deadlines(of: "1") == ["never": last])
    }

    /// Whose list of deadlines is read in a task that is cancelled.
    private struct CancelledModels: ForwardingReadModelStore {
        let models: any ReadModelStore

        func documents(
            of model: ReadModelName, after key: String?, limit: Int
        ) async throws(DerivedStateError) -> [(key: String, data: [UInt8])] {
            guard model != "$process-timers-fulfilment" else { throw .cancelled }
            return try await models.documents(of: model, after: key, limit: limit)
        }
    }

    @Test("takes no cancelled query of the deadlines for a failure of the storage", .timeLimit(.minutes(1)))
    func cancelledQuery() async throws {
        let store = InMemoryEventStore()
        let time = DrivenTime(at: TimeSource.system.now)
        let runner = ProcessRunner(
            Fulfilment.self, of: store, in: CancelledModels(models: store), policy: Self.policy, time: time.source
        ) { _, _ in }
        await #expect(throws: ProcessError.cancelled) { try await runner.run() }
    }

    /// Cannot tell where the log ends when it is asked for the second time.
    private final class EndUnknown: ForwardingStore, Sendable {
        let base: any EventStore
        private let calls = Mutex(0)

        init(_ base: any EventStore) { self.base = base }

        func head() async throws(ReadError) -> Position {
            let call = calls.withLock { calls in
                calls += 1
                return calls
            }
            guard call != 2 else { throw .storageFailed(reason: "a test") }
            return try await base.head()
        }
    }

    @Test("stops with the error of a log that does not say what a deadline has to wait for", .timeLimit(.minutes(1)))
    func unknownEnd() async throws {
        let store = InMemoryEventStore()
        let time = DrivenTime(at: TimeSource.system.now)
        try await record([.placed(sale: "1")], in: store)
        // Asked for by the list of deadlines first, then by the one that is due.
        let runner = ProcessRunner(
            Fulfilment.self, of: EndUnknown(store), in: store, policy: Self.policy, time: time.source
        ) { _, _ in }
        try await runner.react()
        time.advance(by: .seconds(3600))
        await #expect(throws: ProcessError.read(.storageFailed(reason: "a test"))) { try await runner.run() }
        #expect(try await runner.deadlines(of: "1").keys.sorted() == ["payment"])
    }

    @Test(
        "parks a command whose rejection it cannot react to, and takes the rejection once when that is mended",
        .timeLimit(.minutes(1)), arguments: TestStore.all)
    func rejection(_ make: TestStore) async throws {
        let store = try await make.make()
        let sent = Mutex<[String]>([])
        let time = DrivenTime(at: TimeSource.system.now).source
        let runner = ProcessRunner(Touchy.self, of: store, in: store, policy: Self.policy, time: time) { command, _ in
            if command == "order 1" { throw Refused() }
            sent.withLock { $0.append(command) }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runner.run() }
            try await record([.placed(sale: "1"), .placed(sale: "2")], in: store)
            try await eventually("the command is parked, and the other sent") {
                try await !runner.commands.parked().isEmpty && sent.withLock { $0 } == ["order 2"]
            }
            group.cancelAll()
        }
        let parked = try await runner.commands.parked()
        #expect(parked.map(\.key) == ["touchy-1"] && parked.map(\.deliveries) == [2])
        let reason = "The process 'touchy-1' could not react to the rejection of its command: Unready()"
        #expect(parked.first?.reason == reason)
        #expect(try await runner.deadlines(of: "1").keys.sorted() == ["payment"])
        #expect(try await kinds(in: store)["process.rejected"] == nil)
        try await runner.commands.replay("touchy-1")
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await Touchy.$isMended.withValue(true) { try await runner.run() } }
            try await eventually("the command is settled") {
                try await runner.commands.status().settled >= parked[0].position
            }
            group.cancelAll()
        }
        #expect(try await runner.state(of: "1").state == ["out of stock"])
        #expect(try await runner.deadlines(of: "1").isEmpty)
        #expect(try await kinds(in: store)["process.rejected"] == 1)
        #expect(sent.withLock { $0 } == ["order 2"])
    }

    /// Stores the first rejection that a process records, and loses the answer.
    private final class AnswerLost: ForwardingStore, Sendable {
        let base: any EventStore
        private let isFirst = Countdown(1)

        init(_ base: any EventStore) { self.base = base }

        func append(_ request: AppendRequest) async throws(AppendError) -> AppendResult {
            let result = try await base.append(request)
            let types = request.writes.flatMap { write in
                if case .append(let events) = write.action { events.map(\.type) } else { [EventType]() }
            }
            if types.contains("process.rejected"), isFirst.take() {
                throw .storageFailed(reason: "a test", mayBeWritten: true)
            }
            return result
        }
    }

    @Test(
        "does not send a command again whose rejection is recorded", .timeLimit(.minutes(1)), arguments: TestStore.all)
    func rejectedOnce(_ make: TestStore) async throws {
        let store = try await make.make()
        let sent = Mutex<[String]>([])
        let time = DrivenTime(at: TimeSource.system.now).source
        let runner = ProcessRunner(
            Touchy.self, of: AnswerLost(store), in: store, policy: Self.policy, time: time
        ) { command, _ in
            let isFirst = sent.withLock { sent in
                sent.append(command)
                return sent.count == 1
            }
            // What is rejected at first would be taken the second time.
            if isFirst { throw Refused() }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await Touchy.$isMended.withValue(true) { try await runner.run() } }
            try await record([.placed(sale: "1")], in: store)
            try await eventually("the command is settled") {
                var position: Position?
                for try await event in store.events(filter: .all) where event.type == "process.sent" {
                    position = event.position
                }
                guard let position else { return false }
                return try await runner.commands.status().settled >= position
            }
            group.cancelAll()
        }
        #expect(sent.withLock { $0 } == ["order 1"])
        #expect(try await runner.commands.parked().isEmpty)
        #expect(try await runner.state(of: "1").state == ["out of stock"])
    }

    /// Takes few events in one append.
    private final class Narrow: ForwardingStore, Sendable {
        let base: any EventStore
        private let limit: Int

        init(_ base: any EventStore, limit: Int) {
            self.base = base
            self.limit = limit
        }

        func append(_ request: AppendRequest) async throws(AppendError) -> AppendResult {
            let count = request.writes.reduce(0) { count, write in
                if case .append(let events) = write.action { count + events.count } else { count }
            }
            guard count <= limit else { throw .unsupported(reason: "\(count) events at once") }
            return try await base.append(request)
        }
    }

    @Test("records less at once where the store takes less", .timeLimit(.minutes(1)))
    func narrow() async throws {
        let store = InMemoryEventStore()
        try await record((0..<300).map { .placed(sale: "\($0)") }, in: store)
        // Two of each input, and the progress.
        let runner = ProcessRunner(
            Touchy.self, of: Narrow(store, limit: 20), in: store, policy: Self.policy
        ) { _, _ in }
        try await runner.react()
        #expect(try await kinds(in: store)["process.sent"] == 300)
        // Where it does not even take what one input leads to, it says so.
        try await record([.placed(sale: "300")], in: store)
        let tiny = ProcessRunner(
            Touchy.self, of: Narrow(store, limit: 2), in: store, policy: Self.policy
        ) { _, _ in }
        await #expect(throws: ProcessError.append(.unsupported(reason: "3 events at once"))) { try await tiny.react() }
    }
}
