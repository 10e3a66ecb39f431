import Daybook
import DaybookCore
import DaybookTesting
import Testing

@Suite("Snapshots of a program that has changed")
struct SnapshotChangeTests {
    typealias Former = SnapshotTests.Tally

    /// A program that keeps snapshots of tallies.
    struct Program: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// The state as a program that has just been started finds it.
        let state: @Sendable (any EventStore, any SnapshotStore) async throws -> String
        /// Adds a number, and returns when the snapshot is saved.
        let add: @Sendable (Int, any EventStore, any SnapshotStore) async throws -> Void

        init<D: Decider & SendableMetatype>(_ description: String, _ decider: D.Type)
        where D.State: Codable, D.Command == Former.Command {
            testDescription = description
            @Sendable func handler(_ store: any EventStore, _ snapshots: any SnapshotStore) -> CommandHandler<D> {
                CommandHandler(
                    D.self, in: store, category: "tally", snapshots: .every(1), keptIn: snapshots, cache: .none)
            }
            state = { store, snapshots in "\(try await handler(store, snapshots).state(of: "1").state)" }
            add = { number, store, snapshots in
                let handler = handler(store, snapshots)
                try await handler.handle(.add(number), id: "1")
                await handler.finishSnapshots()
            }
        }
    }

    // The deciders are local, so that all have the name under which their snapshots are kept.

    private static func before() -> Program {
        enum Tally: Decider {
            struct State: Codable, Sendable {
                var count = 0
                var total = 0
            }
            static let initialState = State()
            static func decide(_ command: Former.Command, in state: State) throws(Former.Rejection) -> [Former.Event] {
                try Former.decide(command, in: Former.initialState)
            }
            static func evolve(_ state: inout State, with event: Former.Event) {
                state.count += 1
                if case .added(let number) = event { state.total += number }
            }
        }
        return Program("as before", Tally.self)
    }

    private static func otherFold() -> Program {
        enum Tally: Decider {
            struct State: Codable, Sendable {
                var count = 0
                var total = 0
            }
            static let foldVersion = 2
            static let initialState = State()
            static func decide(_ command: Former.Command, in state: State) throws(Former.Rejection) -> [Former.Event] {
                try Former.decide(command, in: Former.initialState)
            }
            static func evolve(_ state: inout State, with event: Former.Event) {
                state.count += 1
                if case .added(let number) = event { state.total += number * 100 }
            }
        }
        return Program("another fold", Tally.self)
    }

    private static func newField() -> Program {
        enum Tally: Decider {
            struct State: Codable, Sendable {
                var count = 0
                var total = 0
                /// What was saved before decodes all the same.
                var last: Int?
            }
            static let initialState = State()
            static func decide(_ command: Former.Command, in state: State) throws(Former.Rejection) -> [Former.Event] {
                try Former.decide(command, in: Former.initialState)
            }
            static func evolve(_ state: inout State, with event: Former.Event) {
                state.count += 1
                if case .added(let number) = event {
                    state.total += number
                    state.last = number
                }
            }
        }
        return Program("a new field", Tally.self)
    }

    private static func otherType() -> Program {
        enum Tally: Decider {
            struct State: Codable, Sendable {
                var count = 0
                var total = 0.0
            }
            static let initialState = State()
            static func decide(_ command: Former.Command, in state: State) throws(Former.Rejection) -> [Former.Event] {
                try Former.decide(command, in: Former.initialState)
            }
            static func evolve(_ state: inout State, with event: Former.Event) {
                state.count += 1
                if case .added(let number) = event { state.total += Double(number) / 2 }
            }
        }
        return Program("a field of another type", Tally.self)
    }

    private static func newUpcaster() -> Program {
        enum Tally: Decider {
            enum Event: DomainEvent {
                case added(Int)
                static let typePrefix = "tally"
                static let upcasters: [Upcaster] = [.drop("tally.yearClosed")]
            }
            struct State: Codable, Sendable {
                var count = 0
                var total = 0
            }
            static let initialState = State()
            static func decide(_ command: Former.Command, in state: State) throws(Former.Rejection) -> [Event] {
                if case .add(let number) = command { [.added(number)] } else { [] }
            }
            static func evolve(_ state: inout State, with event: Event) {
                state.count += 1
                if case .added(let number) = event { state.total += number }
            }
        }
        return Program("a new upcaster", Tally.self)
    }

    @Test(
        "are not used, and replaced by its own", arguments: TestStore.all,
        [otherFold(), newField(), otherType(), newUpcaster()])
    func passedOver(_ make: TestStore, after: Program) async throws {
        let store = try await make.make()
        let snapshots = try #require(store as? any SnapshotStore)
        let before = Self.before()
        for number in 1...3 { try await before.add(number, store, snapshots) }
        let key: SnapshotKey = "DaybookTests.SnapshotChangeTests.Tally tally-1"
        /// What none of the programs makes of the events, so that a snapshot that is used shows.
        func forge() async throws -> Snapshot {
            var snapshot = try #require(try await snapshots.snapshot(for: key))
            snapshot.data = snapshot.bytes(withState: #"{"count":77,"total":77}"#)
            try await snapshots.save(snapshot)
            return snapshot
        }
        // Without any snapshot, from the log alone.
        func truth(_ program: Program) async throws -> String {
            try await program.state(store, InMemoryEventStore())
        }
        let former = try await forge()
        #expect(try await before.state(store, snapshots).contains("77"), "the program of before uses it")
        #expect(try await after.state(store, snapshots) == truth(after))
        try await after.add(4, store, snapshots)
        let latter = try #require(try await snapshots.snapshot(for: key))
        #expect(latter.version == former.version.next && latter.schema != former.schema)
        #expect(try await after.state(store, snapshots) == truth(after))
        // The program of before is started again, and finds a snapshot of what is to come.
        _ = try await forge()
        #expect(try await before.state(store, snapshots) == truth(before))
        try await before.add(5, store, snapshots)
        #expect(try await before.state(store, snapshots) == truth(before))
        #expect(try await snapshots.snapshot(for: key)?.schema == former.schema)
    }
}
