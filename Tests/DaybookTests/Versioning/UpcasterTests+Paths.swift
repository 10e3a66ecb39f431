import Daybook
import DaybookCore
import DaybookSQLite
import DaybookTesting
import Foundation
import Synchronization
import Testing

/// The same history by every other way to an application's code.
extension UpcasterTests {
    typealias Store = any EventStore & ReadModelStore

    /// A program of today that has not been given its upcasters yet.
    private struct Forgetful: EventReader {
        enum Known: DomainEvent {
            case opened(owner: String)
            case deposited(cents: Int, currency: String)
            case withdrawn(cents: Int, currency: String)
            static let typePrefix = "account"
            static func schemaVersion(of type: EventType) -> UInt32 { Account.Event.schemaVersion(of: type) }
        }

        func decode(_ event: RecordedEvent) throws(EventDecodingError) -> [Account.Event] {
            try Known.makeReader().decode(event).map { event in
                switch event {
                case .opened(let owner): .opened(owner: owner)
                case .deposited(let cents, let currency): .deposited(cents: cents, currency: currency)
                case .withdrawn(let cents, let currency): .withdrawn(cents: cents, currency: currency)
                }
            }
        }
    }

    /// Tells an account's owner of each deposit, and of the sum of all of them.
    private enum Letters: ProcessManager {
        enum Event: DomainEvent {
            case noted(cents: Int, currency: String)
            static let typePrefix = "letters"
            static func schemaVersion(of type: EventType) -> UInt32 { 2 }
            static let upcasters: [Upcaster] = [
                .change("letters.noted", from: 1) { $0["currency"] = "EUR" }, .drop("letters.franked"),
            ]
        }
        enum Command: VersionedCommand, Equatable {
            case write(sum: Int, currency: String)
            static let schemaVersion: UInt32 = 3
            static let upcasters = [
                CommandUpcaster(from: 1) { command in
                    let total = command["write"]?["total"]
                    command["write"]?["sum"] = total
                    command["write"]?["total"] = nil
                },
                CommandUpcaster(from: 2) { $0["write"]?["currency"] = "EUR" },
            ]
        }

        static let category: DaybookCore.Category = "letters"
        static let initialState: [String: Int] = [:]
        static func processIDs(for input: Account.Event, recorded: RecordedEvent) -> [String] { ["1"] }
        static func react(
            to input: Account.Event, in state: [String: Int]
        ) -> [ProcessAction<Event, Command>] {
            guard case .deposited(let cents, let currency) = input else { return [] }
            return [
                .record(.noted(cents: cents, currency: currency)),
                .send(.write(sum: state[currency, default: 0] + cents, currency: currency)),
            ]
        }
        static func react(
            toRejectionOf command: Command, reason: String, in state: [String: Int]
        ) -> [ProcessAction<Event, Command>] { [] }
        static func evolve(_ state: inout [String: Int], with event: Event) {
            if case .noted(let cents, let currency) = event { state[currency, default: 0] += cents }
        }
    }

    /// Takes everything out of an account, in one currency.
    private enum Emptying: BoundaryDecider {
        enum Rejection: Error { case nothing }
        static func boundary(of currency: String) -> EventQuery { EventQuery(tags: ["account:1"]) }
        static func initialState(for currency: String) -> Account.State { Account.initialState }
        static func decide(_ currency: String, in state: Account.State) throws(Rejection) -> [PlacedEvent] {
            guard let cents = state.amounts[currency], cents > 0 else { throw .nothing }
            return [
                PlacedEvent(
                    Account.Event.withdrawn(cents: cents, currency: currency), in: "account-1", tags: ["account:1"])
            ]
        }
        static func evolve(_ state: inout Account.State, with event: Account.Event, of stream: StreamName) {
            Account.evolve(&state, with: event)
        }
    }

    @Test(
        "apply to a process manager's inputs, its own events and the commands that it sent", .timeLimit(.minutes(1)),
        arguments: TestStore.all)
    func processManager(_ make: TestStore) async throws {
        let store = try await make.make()
        // A former program has begun the process, and left a command of its time unsent.
        try await store.append(
            [
                Self.old("letters.noted", 1, #"{"cents":1000}"#), Self.old("letters.franked", 1, "{}"),
                Self.old("process.sent", 1, #"{"command":{"write":{"total":1000}}}"#),
                Self.old("process.sent", 2, #"{"command":{"write":{"sum":1001}}}"#),
            ], to: "letters-1")
        try await store.append(Self.history.map(\.0), to: "account-1")
        let sent = Mutex<[Letters.Command]>([])
        let runner = ProcessRunner(Letters.self, of: store, in: store) { command, _ in
            sent.withLock { $0.append(command) }
        }
        #expect(try await runner.state(of: "1").state == ["EUR": 1000])
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runner.run() }
            try await eventually("all is sent") { sent.withLock(\.count) >= 6 }
            group.cancelAll()
        }
        let sums = [(1000, "EUR"), (1001, "EUR"), (1300, "EUR"), (1325, "EUR"), (1365, "EUR"), (7, "USD")]
        #expect(sent.withLock { $0 } == sums.map { .write(sum: $0, currency: $1) })
        #expect(try await runner.commands.parked().isEmpty)
        #expect(try await runner.state(of: "1").state == ["EUR": 1365, "USD": 7])
        let latest = try await store.readPage(of: "letters-1", from: .end, direction: .backward, limit: 1)
        #expect(latest.events.first?.type == "process.sent" && latest.events.first?.schemaVersion == 3)
    }

    @Test("apply to what a consumer group delivers", .timeLimit(.minutes(1)), arguments: TestStore.all)
    func consumerGroup(_ make: TestStore) async throws {
        let store = try await make.make()
        try await store.append(Self.history.map(\.0), to: "account-1")
        let delivered = Mutex<[[Account.Event]]>([])
        let group = ConsumerGroup("g", of: store, Account.Event.self, in: store)
        try await group.catchUp { delivery in delivered.withLock { $0.append(delivery.events) } }
        // What is nothing any more is settled without a handler.
        #expect(delivered.withLock { $0 } == Self.history.map(\.1).filter { !$0.isEmpty })
        #expect(try await group.status().settled == 6)
    }

    @Test(
        "apply to a parked event that is replayed by a program that has them", .timeLimit(.minutes(1)),
        arguments: TestStore.all)
    func replayed(_ make: TestStore) async throws {
        let store = try await make.make()
        try await store.append(Self.history.map(\.0), to: "account-1")
        let today = Account.Event.deposited(cents: 9, currency: "EUR")
        try await store.append([NewEvent(try JSONEventCodec<Account.Event>().encode(today))], to: "account-2")
        let delivered = Mutex<[ConsumerKey: [[Account.Event]]]>([:])
        let handler: @Sendable (ConsumerDelivery<Account.Event>) async throws -> Void = { delivery in
            delivered.withLock { $0[delivery.key, default: []].append(delivery.events) }
        }
        let former = ConsumerGroup("g", of: store, Account.Event.self, in: store, reader: Forgetful())
        try await former.catchUp(handler)
        #expect(delivered.withLock { $0 } == ["account-2": [[today]]])
        let parked = try await former.parked()
        #expect(parked.map(\.position) == [1] && parked.map(\.waiting) == [5])
        #expect(parked[0].reason.contains("customer.created"))
        let group = ConsumerGroup("g", of: store, Account.Event.self, in: store)
        try await group.replay("account-1")
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run(handler) }
            try await eventually("all is settled") { try await group.status().settled == 7 }
            tasks.cancelAll()
        }
        #expect(delivered.withLock { $0["account-1"] } == Self.history.map(\.1).filter { !$0.isEmpty })
        #expect(try await group.parked().isEmpty)
    }

    @Test("apply to a parked key that is resumed by a program that has them", arguments: TestStore.all)
    func resumed(_ make: TestStore) async throws {
        let store = try await make.make()
        let today = Account.Event.deposited(cents: 9, currency: "EUR")
        let encoded = NewEvent(try JSONEventCodec<Account.Event>().encode(today))
        // What can be read comes first, so that the key stops in the middle.
        try await store.append([encoded] + Self.history.map(\.0), to: "account-1")
        try await store.append([NewEvent(try JSONEventCodec<Account.Event>().encode(today))], to: "account-2")
        let former = ProjectionRunner(
            Amounts(), of: store, in: store, reader: Forgetful(), failurePolicy: .parkKeys())
        #expect(try await former.catchUp() == 8)
        #expect(try await former.parkedKeys().map(\.key) == ["account-1"])
        #expect(try await former.parkedKeys().map(\.position) == [2])
        let nine = Account.State(amounts: ["EUR": 9], events: 1)
        for account in ["account-1", "account-2"] { #expect(try await former.readModel.document(account) == nine) }
        await #expect(throws: ProjectionError.self) { try await former.resume("account-1") }
        let runner = ProjectionRunner(Amounts(), of: store, in: store, failurePolicy: .parkKeys())
        try await runner.resume("account-1")
        #expect(
            try await runner.readModel.document("account-1")
                == Account.State(owner: "Ada", amounts: ["EUR": 334, "USD": 7], events: 7))
        #expect(try await runner.readModel.document("account-2") == nine)
        #expect(try await runner.parkedKeys().isEmpty)
    }

    @Test("apply to what a boundary takes in", arguments: TestStore.all)
    func boundary(_ make: TestStore) async throws {
        let store = try await make.make()
        let tagged = Self.history.map { event, _ in
            var event = event
            event.tags = ["account:1"]
            return event
        }
        try await store.append(tagged, to: "account-1")
        let handler = BoundaryHandler(Emptying.self, in: store)
        try await handler.handle("EUR")
        try await handler.handle("USD")
        let page = try await store.readPage(of: "account-1", from: .version(6), direction: .forward, limit: 10)
        #expect(
            try page.events.map { try Account.Event.makeReader().decode($0) } == [
                [.withdrawn(cents: 325, currency: "EUR")], [.withdrawn(cents: 7, currency: "USD")],
            ])
        await #expect(throws: BoundaryError<Emptying.Rejection>.self) { try await handler.handle("EUR") }
    }

    @Test("apply to a projection in the append's transaction, and when it is new to a log")
    func inline() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("daybook-upcasters-\(EventID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("log.daybook").path
        let events = Self.history.map(\.0)
        let before = try await SQLiteEventStore.open(path)
        try await before.append(Array(events.prefix(3)), to: "account-1")
        await before.close()
        var configuration = SQLiteEventStore.Configuration()
        configuration.inlineReadModels = [InlineProjection(Amounts())]
        let store = try await SQLiteEventStore.open(path, configuration: configuration)
        let model = ReadModel(Amounts(), of: store, in: store)
        #expect(
            try await model.document("account-1")
                == Account.State(owner: "Ada", amounts: ["EUR": 300], events: 2))
        try await store.append(Array(events.dropFirst(3)), to: "account-1")
        #expect(try await model.document("account-1") == Self.folded)
        await store.close()
    }
}
