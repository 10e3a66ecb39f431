import Daybook
import DaybookCore
import DaybookSQLite
import DaybookTesting
import Testing

@Suite("A replay into a scratch store")
struct ReplayTests {
    /// A life of some accounts, with settings and deletions.
    private func live(
        _ store: any EventStore, _ time: DrivenTime, seed: UInt64
    ) async throws -> [(moment: LogMoment, balances: [Int])] {
        var random = SplitMix64(seed: seed)
        let accounts = CommandHandler(CashAccount.self, in: store, category: "account", recording: .all)
        var moments: [(moment: LogMoment, balances: [Int])] = []
        for round in 0..<60 {
            let id = "\(Int.random(in: 0..<4, using: &random))"
            let stream = StreamName(unchecked: "account-\(id)")
            switch Int.random(in: 0..<20, using: &random) {
            case 0: _ = try? await store.delete(stream, metadata: EventMetadata(actor: "clerk"))
            case 1: try await store.setRetention(Retention(maxCount: 3), of: stream)
            case 2: try await store.setRetention(.unlimited, of: stream)
            case 3:
                var request = AppendRequest()
                for name in ["note-1", "note-2"] {
                    request.append([NewEvent(type: "noted", data: [], tags: ["a:1"])], to: StreamName(unchecked: name))
                }
                try await store.append(request)
            case 4 where round > 50: try await store.tombstone(StreamName(unchecked: "note-\(round)"))
            default:
                let amounts = (0..<Int.random(in: 1...3, using: &random)).map { _ in
                    Int.random(in: 1...9, using: &random)
                }
                _ = try? await accounts.handle(amounts.map { .deposit(amount: $0) }, id: id)
            }
            if Bool.random(using: &random) { time.advance(by: .milliseconds(Int.random(in: 1...5, using: &random))) }
            if random.oneIn(5) {
                var balances: [Int] = []
                for id in 0..<4 { balances.append(try await accounts.state(of: "\(id)").state.balance) }
                moments.append((.position(try await store.head()), balances))
                moments.append((.time(time.now), balances))
                time.advance(by: .milliseconds(1))
            }
        }
        return moments
    }

    private static let none = EventID()

    /// All events; the store's own without their identifiers, which it gives itself.
    private func content(of store: any EventStore) async throws -> [RecordedEvent] {
        let page = try await store.readPage(from: .start, direction: .forward, filter: .everything, limit: 1_000)
        #expect(page.isAtEnd)
        return page.events.map { event in
            RecordedEvent(
                id: event.stream.isControl ? Self.none : event.id, type: event.type, schemaVersion: event.schemaVersion,
                contentType: event.contentType, data: event.data, metadata: event.metadata, tags: event.tags,
                stream: event.stream, version: event.version, position: event.position, recordedAt: event.recordedAt)
        }
    }

    @Test(
        "is the log once more, and the application as it was at any moment", arguments: TestStore.all,
        TestSeeds.first(10))
    func wholeApplication(_ make: TestStore, seed: UInt64) async throws {
        let time = DrivenTime()
        let store = try await make.make(time: time.source)
        let moments = try await live(store, time, seed: seed)
        let whole = try await Replay(of: store).inMemory()
        let isSame = try await content(of: whole) == content(of: store)
        #expect(isSame, "seed \(seed)")
        for (moment, balances) in moments {
            let past = try await Replay(of: store).inMemory(asOf: moment)
            let accounts = CommandHandler(CashAccount.self, in: past, category: "account")
            var found: [Int] = []
            for id in 0..<4 { found.append(try await accounts.state(of: "\(id)").state.balance) }
            #expect(found == balances, "seed \(seed), \(moment)")
        }
    }

    @Test("goes into a file, and may be gone on with there", arguments: TestStore.all)
    func intoFile(_ make: TestStore) async throws {
        let time = DrivenTime()
        let store = try await make.make(time: time.source)
        _ = try await live(store, time, seed: 7)
        let replay = Replay(of: store)
        var configuration = SQLiteEventStore.Configuration()
        configuration.time = replay.time
        let scratch = try await SQLiteEventStore.temporary(configuration: configuration)
        let reached = try await replay.copy(into: scratch)
        #expect(reached == (try await store.head()))
        let isSame = try await content(of: scratch) == content(of: store)
        #expect(isSame)
        let head = try await store.head()
        try await CommandHandler(CashAccount.self, in: scratch, category: "account").handle(
            .deposit(amount: 1), id: "9")
        #expect(try await store.head() == head)
        await scratch.close()
    }

    @Test("refuses a store that is not empty, or has times of its own", arguments: TestStore.all)
    func refuses(_ make: TestStore) async throws {
        let time = DrivenTime()
        let store = try await make.make(time: time.source)
        try await store.append([NewEvent(type: "noted", data: [])], to: "note-1")
        let used = try await make.make()
        try await used.append([NewEvent(type: "noted", data: [])], to: "note-1")
        await #expect(throws: ReplayError.notEmpty(head: 1)) { try await Replay(of: store).copy(into: used) }
        let other = DrivenTime(at: Timestamp(microseconds: 5))
        await #expect(throws: ReplayError.otherTime(recorded: time.now, scratch: other.now)) {
            try await Replay(of: store).copy(into: try await make.make(time: other.source))
        }
    }
}
