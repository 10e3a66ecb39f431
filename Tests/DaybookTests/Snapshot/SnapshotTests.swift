import Daybook
import DaybookCore
import DaybookTesting
import Synchronization
import Testing

@Suite("Snapshots")
struct SnapshotTests {
    /// A tally of which snapshots can be made; the generation stands for a change of the fold.
    enum Tally: Decider {
        struct State: Codable, Sendable, Equatable {
            var total = 0
            var count = 0
        }
        enum Event: DomainEvent, Equatable {
            static let typePrefix = "tally"
            case added(Int)
            case yearClosed
        }
        enum Command: Sendable {
            case add(Int)
            case closeYear
        }
        enum Rejection: Error, Equatable { case tooMuch }

        static let initialState = State()
        static func decide(_ command: Command, in state: State) throws(Rejection) -> [Event] {
            switch command {
            case .add(let number) where number > 1_000: throw .tooMuch
            case .add(let number): return [.added(number)]
            case .closeYear: return [.yearClosed]
            }
        }
        static func evolve(_ state: inout State, with event: Event) {
            state.count += 1
            if case .added(let number) = event { state.total += number }
        }
    }

    /// Keeps snapshots in memory, counts them, and can be made to fail.
    final class Shelf: SnapshotStore {
        let kept = Mutex<[SnapshotKey: Snapshot]>([:])
        let saves = Mutex(0)
        let fails = Mutex(false)
        private let beforeSave: @Sendable () async -> Void

        init(beforeSave: @escaping @Sendable () async -> Void = {}) { self.beforeSave = beforeSave }

        private func check() throws(DerivedStateError) {
            if fails.withLock({ $0 }) { throw .storageFailed(reason: "the shelf is broken") }
        }
        func snapshot(for key: SnapshotKey) async throws(DerivedStateError) -> Snapshot? {
            try check()
            return kept.withLock { $0[key] }
        }
        func save(_ snapshot: Snapshot) async throws(DerivedStateError) {
            await beforeSave()
            try check()
            kept.withLock { kept in
                if let older = kept[snapshot.key], older.version > snapshot.version { return }
                kept[snapshot.key] = snapshot
            }
            saves.withLock { $0 += 1 }
        }
        func deleteSnapshot(for key: SnapshotKey) async throws(DerivedStateError) {
            try check()
            kept.withLock { $0[key] = nil }
        }
        func deleteSnapshots(
            keyPrefix prefix: String, exceptSchema schema: String?
        ) async throws(DerivedStateError) -> Int {
            try check()
            return kept.withLock { kept in
                let before = kept.count
                kept = kept.filter { !$0.key.rawValue.hasPrefix(prefix) || $0.value.schema == schema }
                return before - kept.count
            }
        }
    }

    private func tallies(
        in store: any EventStore, _ policy: SnapshotPolicy<Tally.Event>, on shelf: any SnapshotStore,
        cache: StateCachePolicy = .none, clock: LeapingClock = LeapingClock()
    ) -> CommandHandler<Tally> {
        CommandHandler(
            Tally.self, in: store, category: "tally", snapshots: policy, keptIn: shelf, cache: cache, clock: clock)
    }

    @Test("spare the replay of a long stream", arguments: TestStore.all)
    func spares(_ make: TestStore) async throws {
        let base = try await make.make()
        let snapshots = try #require(base as? any SnapshotStore)
        let writer = tallies(in: base, .every(100), on: snapshots, cache: .default)
        for _ in 0..<50 { try await writer.handle(Array(repeating: .add(1), count: 100), id: "1") }
        await writer.finishSnapshots()
        try await writer.handle(.add(7), id: "1")
        let store = WatchedStore(base)
        let reader = tallies(in: store, .every(100), on: snapshots)
        #expect(try await reader.state(of: "1").state == Tally.State(total: 5_007, count: 5_001))
        #expect(store.reads == 1, "its last event with what lies behind it; 5,001 events take 21 pages of 250")
        try await reader.handle(.add(1), id: "1")
        #expect(store.reads == 2)
        try await reader.deleteSnapshot(of: "1")
        #expect(try await reader.state(of: "1").state == Tally.State(total: 5_008, count: 5_002))
        #expect(store.reads == 2 + 21)
    }

    @Test(
        "are continued by whatever lies behind them, in pages", arguments: TestStore.all,
        [0, 1, 63, 64, 65, 313, 314, 400])
    func behind(_ make: TestStore, _ count: Int) async throws {
        let store = try await make.make()
        let snapshots = try #require(store as? any SnapshotStore)
        let writer = tallies(in: store, .every(1000), on: snapshots, cache: .default)
        try await writer.handle(Array(repeating: .add(1), count: 1000), id: "1")
        await writer.finishSnapshots()
        if count > 0 { try await writer.handle(Array(repeating: .add(1), count: count), id: "1") }
        let reader = tallies(in: store, .every(1000), on: snapshots)
        #expect(try await reader.state(of: "1").state.count == 1000 + count)
        #expect(try await reader.state(of: "1", asOf: .version(StreamVersion(999))).state.count == 1000)
        if count > 0 {
            let last = StreamVersion(999 + Int64(count) - 1)
            #expect(try await reader.state(of: "1", asOf: .version(last)).state.count == 1000 + count - 1)
        }
    }

    @Test("are saved when the policy says so", arguments: TestStore.all)
    func policies(_ make: TestStore) async throws {
        let store = try await make.make()
        let shelf = Shelf()
        let yearly = tallies(in: store, .on { $0 == .yearClosed }, on: shelf, cache: .default)
        try await yearly.handle([.add(1), .add(2)], id: "1")
        await yearly.finishSnapshots()
        #expect(shelf.saves.withLock { $0 } == 0)
        try await yearly.handle(.closeYear, id: "1")
        await yearly.finishSnapshots()
        #expect(shelf.kept.withLock { $0.values.map(\.version) } == [2])
        try await yearly.handle(.add(3), id: "1")
        await yearly.finishSnapshots()
        #expect(shelf.saves.withLock { $0 } == 1)
        let slow = tallies(in: store, .whenReplayTakes(longerThan: .seconds(-1)), on: shelf)
        try await slow.handle(.add(4), id: "1")
        await slow.finishSnapshots()
        #expect(shelf.kept.withLock { $0.values.map(\.version) } == [4])
    }

    /// Takes two seconds over a page of a stream, by a clock.
    private struct SlowPages: ForwardingStore {
        let base: any EventStore
        let clock: LeapingClock

        func readPage(
            of stream: StreamName, from cursor: StreamCursor, direction: ReadDirection, limit: Int
        ) async throws(ReadError) -> StreamPage {
            try? await clock.sleep(for: .seconds(2))
            return try await base.readPage(of: stream, from: cursor, direction: direction, limit: limit)
        }
    }

    @Test("are saved when a replay takes too long, by the handler's clock", arguments: TestStore.all)
    func replayTime(_ make: TestStore) async throws {
        let base = try await make.make()
        let shelf = Shelf()
        let clock = LeapingClock()
        let handler = tallies(
            in: SlowPages(base: base, clock: clock), .whenReplayTakes(longerThan: .seconds(4)), on: shelf, clock: clock)
        try await handler.handle(Array(repeating: .add(1), count: 2_001), id: "long")
        try await handler.handle(.add(1), id: "short")
        await handler.finishSnapshots()
        #expect(shelf.saves.withLock { $0 } == 0, "a stream without events is read by one page")
        for id in ["long", "short"] { try await handler.handle(.add(1), id: id) }
        await handler.finishSnapshots()
        #expect(
            shelf.kept.withLock { $0.values.map(\.version) } == [2_001], "three pages take six seconds, one takes two")
        // From the snapshot it takes a page for its last event, and one for what lies behind it.
        for _ in 0..<2 { try await handler.handle(.add(1), id: "long") }
        await handler.finishSnapshots()
        #expect(shelf.saves.withLock { $0 } == 1)
        #expect(try await handler.state(of: "long").state == Tally.State(total: 2_004, count: 2_004))
    }

    /// Snapshots that must not be used, by what is changed in a good one.
    static let unfit: [(String, @Sendable (inout Snapshot) -> Void)] = [
        ("another fold or shape, or a program to come", { $0.schema = "2:" + $0.schema.dropFirst(2) }),
        ("bytes that are no state", { $0.data = Array("{\"total\":".utf8) }),
        ("a state without a field", { $0.data = $0.bytes(withState: #"{"total":9}"#) }),
        ("a version beyond the stream", { $0.version = 1_000 }),
        ("another log", { $0.position = 1_000 }),
    ]

    @Test("that do not fit are passed over, and replaced", arguments: TestStore.all, unfit.indices)
    func passesOver(_ make: TestStore, index: Int) async throws {
        let store = try await make.make()
        let shelf = Shelf()
        let handler = tallies(in: store, .every(2), on: shelf)
        try await handler.handle([.add(1), .add(2), .add(3)], id: "1")
        await handler.finishSnapshots()
        let good = try #require(shelf.kept.withLock { $0.values.first })
        shelf.kept.withLock { kept in
            for key in kept.keys {
                kept[key]?.data = good.bytes(withState: #"{"count":77,"total":77}"#)
                Self.unfit[index].1(&kept[key]!)
            }
        }
        #expect(try await handler.state(of: "1").state == Tally.State(total: 6, count: 3), "\(Self.unfit[index].0)")
        #expect(
            try await handler.state(of: "1", asOf: .version(1)).state == Tally.State(total: 3, count: 2))
        try await handler.handle(.add(4), id: "1")
        await handler.finishSnapshots()
        let replaced = try #require(shelf.kept.withLock { $0.values.first })
        #expect(replaced.version == good.version.next)
        #expect(try await handler.state(of: "1").state == Tally.State(total: 10, count: 4))
    }

    @Test("of another log are passed over, although version and position are the same", arguments: TestStore.all)
    func otherLog(_ make: TestStore) async throws {
        let shelf = Shelf()
        let stores = [try await make.make(), try await make.make()]
        for (store, number) in zip(stores, [1, 2]) {
            try await tallies(in: store, .every(100), on: Shelf()).handle([.add(number), .add(number)], id: "1")
        }
        let handlers = stores.map { tallies(in: $0, .every(1), on: shelf) }
        try await handlers[0].handle(.add(1), id: "1")
        await handlers[0].finishSnapshots()
        try await tallies(in: stores[1], .every(100), on: Shelf()).handle(.add(2), id: "1")
        #expect(shelf.kept.withLock { $0.values.map(\.version) } == [2])
        #expect(try await handlers[0].state(of: "1").state == Tally.State(total: 3, count: 3))
        #expect(try await handlers[1].state(of: "1").state == Tally.State(total: 6, count: 3))
    }

    @Test("that nobody can use any more are pruned", arguments: TestStore.all)
    func pruned(_ make: TestStore) async throws {
        let store = try await make.make()
        let snapshots = try #require(store as? any SnapshotStore)
        let handler = tallies(in: store, .every(1), on: snapshots)
        for id in 1...3 { try await handler.handle(.add(1), id: "\(id)") }
        await handler.finishSnapshots()
        let prefix = try #require(
            try await snapshots.snapshot(for: SnapshotKey("\(String(reflecting: Tally.self)) tally-1"))
        ).key.rawValue.dropLast("tally-1".count)
        // As another program left them, and as another decider did.
        for key in ["\(prefix)tally-2", "\(prefix)tally-9", "\(prefix)other-1"] {
            try await snapshots.save(
                Snapshot(key: SnapshotKey(key), version: 9, position: 9, schema: "0:old", data: []))
        }
        #expect(try await handler.pruneSnapshots() == 2)
        #expect(try await snapshots.snapshot(for: SnapshotKey("\(prefix)tally-1")) != nil)
        #expect(try await snapshots.snapshot(for: SnapshotKey("\(prefix)tally-2")) == nil)
        #expect(try await snapshots.snapshot(for: SnapshotKey("\(prefix)other-1")) != nil)
        #expect(try await handler.pruneSnapshots() == 0)
    }

    @Test("that cannot be kept do not keep a command from succeeding", arguments: TestStore.all)
    func broken(_ make: TestStore) async throws {
        let shelf = Shelf()
        shelf.fails.withLock { $0 = true }
        let handler = tallies(in: try await make.make(), .every(1), on: shelf)
        for _ in 0..<5 { try await handler.handle(.add(1), id: "1") }
        await handler.finishSnapshots()
        #expect(try await handler.state(of: "1").state.total == 5)
    }

    @Test(
        "that a store does not finish saving hold up no command, and wait in bounded number", .timeLimit(.minutes(1)),
        arguments: TestStore.all)
    func blocked(_ make: TestStore) async throws {
        let (begun, signal) = AsyncStream.makeStream(of: Void.self)
        let (door, opening) = AsyncStream.makeStream(of: Never.self)
        let shelf = Shelf {
            signal.yield()
            for await _ in door {}
        }
        let store = try await make.make()
        let handler = tallies(in: store, .every(1), on: shelf, cache: .default)
        try await handler.handle(.add(1), id: "0")
        for await _ in begun { break }
        // More subjects than may wait, and some of them twice.
        for id in 1...300 { try await handler.handle(.add(1), id: "\(id)") }
        for id in 1...10 { try await handler.handle(.add(2), id: "\(id)") }
        #expect(shelf.saves.withLock { $0 } == 0)
        opening.finish()
        await handler.finishSnapshots()
        #expect(shelf.saves.withLock { $0 } == 257, "one that was being saved, and 256 that waited")
        #expect(shelf.kept.withLock { $0.values.count { $0.version == 1 } } == 10, "of each the newest")
        // What was left out is saved after the next command.
        for id in 257...300 { try await handler.handle(.add(3), id: "\(id)") }
        await handler.finishSnapshots()
        #expect(shelf.kept.withLock { $0.count } == 301)
        let reader = tallies(in: store, .every(1), on: shelf)
        for (id, total) in [("0", 1), ("1", 3), ("256", 1), ("257", 4), ("300", 4)] {
            #expect(try await reader.state(of: id).state.total == total)
        }
    }

    @Test("never change a state, whatever happens to the stream", arguments: TestStore.all, TestSeeds.first(20))
    func sameState(_ make: TestStore, seed: UInt64) async throws {
        var random = SplitMix64(seed: seed)
        let store = try await make.make()
        let snapshots = try #require(store as? any SnapshotStore)
        let handler = tallies(
            in: store, .every(.random(in: 1...6, using: &random)), on: snapshots,
            cache: Bool.random(using: &random) ? .none : .default)
        let plain = CommandHandler(Tally.self, in: store, category: "tally", cache: .none)
        for step in 0..<120 {
            let id = "\(Int.random(in: 1...2, using: &random))"
            let stream = StreamName(unchecked: "tally-\(id)")
            switch Int.random(in: 0..<20, using: &random) {
            case 0 where try await store.state(of: stream).status == .live: try await store.delete(stream)
            case 1: try await store.setRetention(Retention(maxCount: 3), of: stream)
            case 2: try await store.setRetention(.unlimited, of: stream)
            case 3: await handler.finishSnapshots()
            case 4: _ = try? await handler.handle(.add(2_000), id: id)
            default: try await handler.handle(.add(.random(in: 1...9, using: &random)), id: id)
            }
            let last = try await store.state(of: stream).lastVersion?.rawValue ?? 0
            let moments: [Moment] = [
                .latest, .version(StreamVersion(.random(in: 0...last, using: &random))),
                .time(
                    try await store.readPage(from: .end, direction: .backward, filter: .all, limit: 1).events.first?
                        .recordedAt ?? Timestamp(microseconds: 0)),
                .position(Position(.random(in: 0...(try await store.head().rawValue), using: &random))),
            ]
            for moment in moments {
                let expected = try await plain.state(of: id, asOf: moment)
                let actual = try await handler.state(of: id, asOf: moment)
                #expect(actual == expected, "seed \(seed), step \(step), \(moment)")
            }
        }
    }
}

extension Snapshot {
    /// The bytes of another state, with the event of this one.
    func bytes(withState state: String) -> [UInt8] {
        let text = String(decoding: data, as: UTF8.self)
        let head = text.firstRange(of: #""state":"#).map { text[..<$0.upperBound] } ?? ""
        return Array("\(head)\(state)}".utf8)
    }
}
