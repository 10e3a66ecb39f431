import Daybook
import DaybookCore
import DaybookPostgres
import StoreTrials
import Synchronization
import Testing

@Suite(
    "The PostgreSQL store, when an answer is lost", .enabled(if: Server.isGiven, Server.hint), .timeLimit(.minutes(5)))
struct LostAnswerTests {
    private enum AccountEvent: DomainEvent, Equatable {
        case deposited(amount: Int)

        static let typePrefix = "account"
    }

    /// The positions that were handled, in order.
    private final class Diary: Sendable {
        private let lines = Mutex<[Position]>([])

        var all: [Position] { lines.withLock { $0 } }
        func write(_ position: Position) { lines.withLock { $0.append(position) } }
    }

    /// What is said to the server together with the commit of a change of a read model, and of an append.
    private static let changeOfReadModel = "model_move"
    private static let append = "add_event"

    /// An error, as of the protocol: https://www.postgresql.org/docs/current/protocol-message-formats.html
    ///
    /// - Parameter isInOrder: Whether the end of the round trip follows.
    private static func error(_ severity: String, _ state: String, isInOrder: Bool) -> [UInt8] {
        var fields = Array("S\(severity)\0V\(severity)\0M".utf8) + Array("could not sync\0".utf8)
        if !state.isEmpty { fields += Array("C\(state)\0".utf8) }
        let error: [UInt8] = Array("E\0\0\0".utf8) + [UInt8(fields.count + 5)] + fields + [0]
        return isInOrder ? error + Array("Z\0\0\0\u{5}I".utf8) : error
    }

    /// Gives a store, and another one on the same tables that reaches the server by a relay.
    private func withRelay(
        _ body: (PostgresEventStore, PostgresEventStore, CuttingRelay) async throws -> Void
    ) async throws {
        try await Server.withSchema { schema in
            let relay = try CuttingRelay(to: try #require(Server.url))
            defer { relay.close() }
            let stores = [try await Server.open(schema), try await Server.open(schema, through: relay)]
            func close() async {
                relay.cut()
                for store in stores { await store.close() }
            }
            do { try await body(stores[0], stores[1], relay) } catch {
                await close()
                throw error
            }
            await close()
        }
    }

    private func batch(_ previous: Position, _ key: String) -> DocumentBatch {
        DocumentBatch(model: "tape", changes: [key: [1]], previous: previous, checkpoint: previous.next)
    }

    @Test(
        "looks up what it has written when the server's last word is an error",
        arguments: [("PANIC", "58030", true), ("FATAL", "53100", true), ("ERROR", "", true), ("ERROR", "XX000", false)])
    func lastWord(_ severity: String, _ state: String, _ isInOrder: Bool) async throws {
        let error = Self.error(severity, state, isInOrder: isInOrder)
        try await withRelay { store, cut, relay in
            // Of the two whose answers are lost, one is decided under the lock, the other one on what is remembered.
            for number in 0..<4 {
                if number.isMultiple(of: 2) { relay.answer(Self.append, with: error) }
                let result = try await cut.append([NewEvent(type: "happened", data: [])], to: "account-1")
                #expect(result.version == StreamVersion(Int64(number)) && !result.isRepeat)
            }
            #expect(try await store.head() == 4)
            relay.answer(Self.changeOfReadModel, with: error)
            try await cut.commit(batch(.start, "x"))
            #expect(try await store.checkpoint(of: "tape") == 1)
        }
    }

    /// As after a fail-over to a standby that lacks the last event, and whose log has another one in its place by now.
    @Test("forgets what it knows of a log whose server is gone, also when that has just refused an append")
    func refusedOnAnotherServer() async throws {
        try await Server.withSchema { schema in
            let relay = try CuttingRelay(to: try #require(Server.url))
            defer { relay.close() }
            let store = try await Server.open(schema)
            let cut = try await Server.open(schema, through: relay)
            for _ in 0..<2 { try await cut.append([NewEvent(type: "happened", data: [])], to: "account-1") }
            relay.answer("roll_back", with: [])
            await #expect(throws: AppendError.self) {
                try await cut.append(
                    [NewEvent(type: "refused", data: [])], to: "account-1", expecting: .version(7))
            }
            try Server.sql("DELETE FROM \(schema).events WHERE position = 2")
            #expect(try await store.append([NewEvent(type: "other", data: [])], to: "account-2").position == 2)
            let result = try await cut.append([NewEvent(type: "happened", data: [])], to: "account-1")
            #expect(result.version == 1 && result.position == 3)
            for store in [store, cut] { await store.close() }
        }
    }

    @Test("does not say that a change of a read model was refused when it took effect, whatever came after it")
    func change() async throws {
        try await withRelay { store, cut, relay in
            relay.loseAnswers(to: Self.changeOfReadModel)
            let first = Task { try await cut.commit(batch(.start, "x")) }
            try await eventually("the change is applied") { try await store.checkpoint(of: "tape") == 1 }
            for position in 1..<30 { try await store.commit(batch(Position(Int64(position)), "y")) }
            relay.cut()
            try await first.value
            #expect(try await store.checkpoint(of: "tape") == 30)
            // Of so many changes the first is remembered no longer.
            relay.loseAnswers(to: Self.changeOfReadModel)
            let second = Task { try await cut.commit(batch(30, "x")) }
            try await eventually("the change is applied") { try await store.checkpoint(of: "tape") == 31 }
            for position in 31..<70 { try await store.commit(batch(Position(Int64(position)), "y")) }
            relay.cut()
            let error = await #expect(throws: DerivedStateError.self) { try await second.value }
            guard case .storageFailed(let reason)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(reason.contains("not known"))
            try await cut.commit(batch(70, "x"))
        }
    }

    @Test("gives a member of a consumer group what it has claimed, though another saves before it asks again")
    func claim() async throws {
        try await withRelay { store, cut, relay in
            let diary = Diary()
            func member(_ name: ConsumerMemberName, on models: PostgresEventStore) -> Task<Void, any Error> {
                Task { [group = group(models)] in
                    try await group.run(as: name) { diary.write($0.recorded.position) }
                }
            }
            let state = group(store)
            let first = member("first", on: cut)
            try await eventually("the first member has joined") { try await state.status().members == ["first"] }
            relay.loseAnswers(to: Self.changeOfReadModel)
            try await store.append(
                (0..<3).map { _ in NewEvent(type: "account.deposited", data: Array(#"{"amount":1}"#.utf8)) },
                to: "account-1")
            try await eventually("it has claimed an event") { try await state.status().inFlight == 1 }
            let second = member("second", on: store)
            try await eventually("the second one has joined") { try await state.status().members.count == 2 }
            relay.cut()
            try await eventually("all is settled") { try await state.status().settled == 3 }
            for task in [first, second] { task.cancel() }
            for task in [first, second] { try await task.value }
            #expect(diary.all == [1, 2, 3])
        }
    }

    private func group(_ store: PostgresEventStore) -> ConsumerGroup<AccountEvent> {
        // No lease is renewed meanwhile, and none runs out.
        let policy = ConsumerPolicy(lease: .seconds(240), backoff: .zero, pollInterval: .milliseconds(20))
        return ConsumerGroup("g", of: store, AccountEvent.self, in: store, policy: policy)
    }
}
