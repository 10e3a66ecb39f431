import Daybook
import DaybookCore
import DaybookTesting
import Synchronization
import Testing

/// Payments between owners, each found by the tags of both.
enum PaymentEvent: DomainEvent {
    case paid(from: String, to: String, amount: Int)
    case forgotten(owner: String)
    case noted(owner: String)

    static let owner = TagKey<String>("owner")
    var tags: [DaybookCore.Tag] {
        switch self {
        case .paid(let from, let to, _): [Self.owner(from), Self.owner(to)]
        case .forgotten(let owner), .noted(let owner): [Self.owner(owner)]
        }
    }
}

struct OwnerBalances: Projection {
    let name: ReadModelName = "owner-balances"
    var isNarrow = true

    struct Refused: Error {}

    func filter(for key: String) -> EventFilter {
        isNarrow ? EventFilter(query: EventQuery(items: [.init(tags: [PaymentEvent.owner(key)])])) : filter
    }

    func keys(for event: PaymentEvent, recorded: RecordedEvent) -> [String] {
        switch event {
        case .paid(let from, let to, _): [from, to]
        case .forgotten(let owner), .noted(let owner): [owner]
        }
    }

    func apply(_ event: PaymentEvent, recorded: RecordedEvent, key: String, to document: inout Int?) throws {
        switch event {
        case .paid(let from, _, let amount):
            if amount > 1000 { throw Refused() }
            document = (document ?? 0) + (key == from ? -amount : amount)
        case .forgotten: document = nil
        case .noted: break
        }
    }
}

@Suite("The history of a projection")
struct ProjectionHistoryTests {
    private func append(_ event: PaymentEvent, to store: any EventStore) async throws -> AppendResult {
        let encoded = try JSONEventCodec<PaymentEvent>().encode(event)
        return try await store.append(
            [NewEvent(type: encoded.type, data: encoded.data, tags: event.tags)], to: "payments")
    }

    /// Appends random events, and returns the documents after each position, by a fold of its own.
    private func fill(
        _ store: any EventStore, count: Int, using random: inout SplitMix64
    ) async throws -> (states: [[String: Int]], times: [Timestamp]) {
        var states: [[String: Int]] = [[:]]
        var times: [Timestamp] = []
        for _ in 0..<count {
            var state = states[states.count - 1]
            let owners = ["a", "b", "c", "d"].shuffled(using: &random)
            let event: PaymentEvent =
                switch Int.random(in: 0..<8, using: &random) {
                case 0: .forgotten(owner: owners[0])
                case 1: .noted(owner: owners[0])
                default: .paid(from: owners[0], to: owners[1], amount: .random(in: 0...5, using: &random))
                }
            switch event {
            case .paid(let from, let to, let amount):
                state[from, default: 0] -= amount
                state[to, default: 0] += amount
            case .forgotten(let owner): state[owner] = nil
            case .noted: break
            }
            times.append(try await append(event, to: store).recordedAt)
            states.append(state)
        }
        return (states, times)
    }

    @Test("tells the keys of documents apart by their bytes", arguments: TestStore.all)
    func twins(_ make: TestStore) async throws {
        let store = try await make.make()
        let (composed, decomposed) = ("\u{E9}", "e\u{301}")
        _ = try await append(.paid(from: "a", to: composed, amount: 1), to: store)
        _ = try await append(.paid(from: "a", to: decomposed, amount: 2), to: store)
        let history = ProjectionHistory(OwnerBalances(isNarrow: false), of: store)
        #expect(try await history.document(composed) == 1)
        #expect(try await history.document(decomposed) == 2)
        #expect(try await history.lineage(of: composed).map(\.event.position) == [1])
    }

    @Test("gives documents as they were at every position and time", arguments: TestStore.all, TestSeeds.first(3))
    func asOf(_ make: TestStore, seed: UInt64) async throws {
        var random = SplitMix64(seed: seed)
        let store = try await make.make()
        let (states, times) = try await fill(store, count: 40, using: &random)
        let history = ProjectionHistory(OwnerBalances(), of: store)
        let wide = ProjectionHistory(OwnerBalances(isNarrow: false), of: store)
        for (index, state) in states.enumerated() {
            let moment = LogMoment.position(Position(Int64(index)))
            #expect(try await history.documents(asOf: moment) == state, "seed \(seed)")
            let key = ["a", "b", "c", "d"][index % 4]
            #expect(try await history.document(key, asOf: moment) == state[key], "seed \(seed)")
            #expect(try await wide.document(key, asOf: moment) == state[key], "seed \(seed)")
        }
        for (index, time) in times.enumerated() {
            let last = times.lastIndex(of: time) ?? index
            #expect(try await history.documents(asOf: .time(time)) == states[last + 1], "seed \(seed)")
        }
        #expect(try await history.documents() == states.last)
        #expect(try await history.documents(asOf: .position(Position(10_000))) == states.last)
    }

    /// Counts the events that are read.
    private final class CountingStore: ForwardingStore {
        let base: any EventStore
        let count = Mutex(0)

        init(base: any EventStore) { self.base = base }

        func readPage(
            from cursor: LogCursor, direction: ReadDirection, filter: EventFilter, limit: Int
        ) async throws(ReadError) -> LogPage {
            let page = try await base.readPage(from: cursor, direction: direction, filter: filter, limit: limit)
            count.withLock { $0 += page.events.count }
            return page
        }
    }

    @Test(
        "keeps snapshots of documents that were asked for, and of all, and starts from them", arguments: TestStore.all,
        TestSeeds.first(3))
    func snapshots(_ make: TestStore, seed: UInt64) async throws {
        var random = SplitMix64(seed: seed)
        let store = try await make.make()
        let (states, times) = try await fill(store, count: 60, using: &random)
        let log = CountingStore(base: store)
        let history = ProjectionHistory(OwnerBalances(), of: log).keepingSnapshots(in: store, every: 5)
        func check() async throws {
            for index in states.indices.shuffled(using: &random) {
                for key in ["a", "b", "c", "d", "nobody"] {
                    let moment = LogMoment.position(Position(Int64(index)))
                    #expect(try await history.document(key, asOf: moment) == states[index][key], "seed \(seed)")
                }
            }
            for (index, time) in times.enumerated() {
                let last = times.lastIndex(of: time) ?? index
                #expect(try await history.document("b", asOf: .time(time)) == states[last + 1]["b"], "seed \(seed)")
            }
            for key in ["a", "b", "c", "d"] { #expect(try await history.document(key) == states.last?[key]) }
        }
        try await check()
        log.count.withLock { $0 = 0 }
        #expect(try await history.document("a", asOf: .position(50)) == states[50]["a"])
        // Those behind the last version, and the rest of their page.
        #expect(log.count.withLock { $0 } <= 5)
        // All documents at some moments, out of order and one of them twice.
        for index in [40, 20, 20] {
            let moment = LogMoment.position(Position(Int64(index)))
            try await history.keepSnapshots(asOf: moment)
            log.count.withLock { $0 = 0 }
            #expect(try await history.documents(asOf: moment) == states[index], "seed \(seed)")
            #expect(log.count.withLock { $0 } == 0)
        }
        for index in [0, 19, 20, 21, 39, 40, 60] {
            let moment = LogMoment.position(Position(Int64(index)))
            #expect(try await history.documents(asOf: moment) == states[index], "seed \(seed)")
        }
        try await check()
        // What cannot be read is passed over.
        for entry in try await store.documents(of: "$snapshots/owner-balances", after: nil, limit: 1_000) {
            try await store.commit(
                DocumentBatch(
                    model: "$snapshots/owner-balances", changes: [entry.key: Array("[]".utf8)], previous: .start,
                    checkpoint: .start))
        }
        try await check()
        try await history.deleteSnapshots()
        #expect(try await store.documents(of: "$snapshots/owner-balances", after: nil, limit: 10).isEmpty)
        #expect(try await history.document("a", asOf: .position(Position(-7))) == nil)
        #expect(try await history.documents() == states.last)
    }

    /// Loses its connection after a number of commits.
    private final class FailingModels: ForwardingReadModelStore {
        let models: any ReadModelStore
        let left: Mutex<Int>

        init(_ models: any ReadModelStore, commits: Int) {
            self.models = models
            left = Mutex(commits)
        }

        func commit(_ batch: DocumentBatch) async throws(DerivedStateError) {
            let isLost = left.withLock { left in
                left -= 1
                return left < 0
            }
            guard !isLost else { throw .storageFailed(reason: "a test") }
            try await models.commit(batch)
        }

        func deleteReadModel(_ model: ReadModelName) async throws(DerivedStateError) {
            let isLost = left.withLock { left in
                left -= 1
                return left < 0
            }
            guard !isLost else { throw .storageFailed(reason: "a test") }
            try await models.deleteReadModel(model)
        }
    }

    @Test("answers the same when the keeping or the deletion of snapshots is interrupted", arguments: TestStore.all)
    func interruptedSnapshots(_ make: TestStore) async throws {
        var random = SplitMix64(seed: 7)
        let store = try await make.make()
        let states = try await fill(store, count: 30, using: &random).states
        let history = ProjectionHistory(OwnerBalances(), of: store).keepingSnapshots(in: store, every: 1_000)
        func check() async throws {
            for index in [0, 19, 20, 21, 30] {
                let moment = LogMoment.position(Position(Int64(index)))
                #expect(try await history.documents(asOf: moment) == states[index])
                #expect(try await history.document("a", asOf: moment) == states[index]["a"])
            }
        }
        for commits in 0...6 {
            let failing = ProjectionHistory(OwnerBalances(), of: store)
                .keepingSnapshots(in: FailingModels(store, commits: commits), every: 1_000)
            try? await failing.keepSnapshots(asOf: .position(20))
            try await check()
            // What was begun before is in nobody's way.
            try await history.keepSnapshots(asOf: .position(20))
            try await check()
            try? await failing.deleteSnapshots()
            try await check()
            let deleting = ProjectionHistory(OwnerBalances(), of: store)
                .keepingSnapshots(in: FailingModels(store, commits: commits), every: 1_000)
            try? await deleting.deleteSnapshots()
            try await check()
            try await history.deleteSnapshots()
            #expect(try await store.documents(of: "$snapshots/owner-balances", after: nil, limit: 10).isEmpty)
            try await check()
        }
    }

    @Test("names the events that set a value, and no others", arguments: TestStore.all, TestSeeds.first(3))
    func lineage(_ make: TestStore, seed: UInt64) async throws {
        var random = SplitMix64(seed: seed)
        let store = try await make.make()
        let states = try await fill(store, count: 60, using: &random).states
        let history = ProjectionHistory(OwnerBalances(), of: store)
        for key in ["a", "b", "c", "d", "nobody"] {
            let expected = states.indices.dropFirst().filter { states[$0][key] != states[$0 - 1][key] }
            let lineage = try await history.lineage(of: key)
            #expect(lineage.map { Int($0.event.position.rawValue) } == expected, "seed \(seed)")
            for change in lineage {
                let position = Int(change.event.position.rawValue)
                #expect(change.before == states[position - 1][key] && change.after == states[position][key])
            }
            let signs = try await history.lineage(of: key) { ($0 ?? 0) < 0 }
            let expectedSigns = states.indices.dropFirst().filter {
                ((states[$0][key] ?? 0) < 0) != ((states[$0 - 1][key] ?? 0) < 0)
            }
            #expect(signs.map { Int($0.event.position.rawValue) } == expectedSigns, "seed \(seed)")
        }
    }

    @Test("tells two moments apart, with the events between", arguments: TestStore.all, TestSeeds.first(3))
    func differences(_ make: TestStore, seed: UInt64) async throws {
        var random = SplitMix64(seed: seed)
        let store = try await make.make()
        let states = try await fill(store, count: 30, using: &random).states
        let history = ProjectionHistory(OwnerBalances(), of: store)
        for _ in 0..<20 {
            let ends = [Int.random(in: 0...30, using: &random), .random(in: 0...30, using: &random)].sorted()
            let found = try await history.differences(
                from: .position(Position(Int64(ends[0]))), to: .position(Position(Int64(ends[1]))), causes: 2)
            let (old, new) = (states[ends[0]], states[ends[1]])
            let keys = Set(old.keys).union(new.keys).filter { old[$0] != new[$0] }.sorted()
            #expect(found.map(\.key) == keys, "seed \(seed)")
            for difference in found {
                #expect(difference.old == old[difference.key] && difference.new == new[difference.key])
                #expect((1...2).contains(difference.causes.count))
                for cause in difference.causes {
                    #expect(cause.position > Position(Int64(ends[0])) && cause.position <= Position(Int64(ends[1])))
                    #expect(cause.tags.contains(PaymentEvent.owner(difference.key)))
                }
            }
        }
    }

    @Test("ends with an error at an event that it cannot read or apply", arguments: TestStore.all)
    func failures(_ make: TestStore) async throws {
        let store = try await make.make()
        _ = try await append(.paid(from: "a", to: "b", amount: 1), to: store)
        _ = try await append(.paid(from: "a", to: "b", amount: 2000), to: store)
        let history = ProjectionHistory(OwnerBalances(), of: store)
        #expect(try await history.document("a", asOf: .position(1)) == -1)
        #expect(try await history.document("c") == nil)
        let error = await #expect(throws: ProjectionError.self) { try await history.document("a") }
        guard case .failed(let place, _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(place.position == 2)
        try await store.append([NewEvent(type: "unheard.of", data: [], tags: [PaymentEvent.owner("c")])], to: "x")
        await #expect(throws: ProjectionError.self) { try await history.document("c") }
    }
}
