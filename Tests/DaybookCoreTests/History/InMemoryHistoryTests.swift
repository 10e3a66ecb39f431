import DaybookCore
import DaybookTesting
import Synchronization
import Testing

@Suite("Histories of the in-memory store", .timeLimit(.minutes(5)))
struct InMemoryHistoryTests {
    @Test("have an order that explains every answer, and each planted anomaly is found", arguments: TestSeeds.first(5))
    func linearizable(seed: UInt64) async throws {
        let history = try await HistoryWorkload(seed: seed, operations: 3_000).run(on: InMemoryEventStore())
        let check = history.check()
        #expect(check.violations.isEmpty, "seed \(seed), \(check.violations.count): \(check.violations.prefix(3))")
        #expect(check.commitCount > 300 && check.operationCount >= 3_000)
        let missed = HistoryCanary(history).missed(seed: seed)
        #expect(missed.isEmpty, "seed \(seed)")
    }

    @Test("are told apart from those of a store that breaks a promise", arguments: BrokenStore.Fault.allCases)
    func brokenStores(fault: BrokenStore.Fault) async throws {
        // No read of a workload goes over a limit.
        guard fault != .clampsLimits, fault != .startsTimeReadsTooHigh else { return }
        for seed in 1...20 as ClosedRange<UInt64> {
            let history = try await HistoryWorkload(seed: seed, clients: 4, operations: 400).run(on: BrokenStore(fault))
            if !history.check().violations.isEmpty { return }
        }
        Issue.record("No seed up to 20 tells a store that \(fault.rawValue)")
    }

    @Test(
        "are told apart from those of a store that is wrong only when used by many",
        arguments: RacingStore.Race.allCases)
    func races(race: RacingStore.Race) async throws {
        for seed in 1...20 as ClosedRange<UInt64> {
            let history = try await HistoryWorkload(seed: seed, operations: 1_000).run(on: RacingStore(race))
            if history.check().violations.isEmpty { continue }
            // One call after another sees nothing of it.
            for seed in 1...10 as ClosedRange<UInt64> {
                try await EventStoreModelTest(seed: seed).run { RacingStore(race) }
            }
            return
        }
        Issue.record("No seed up to 20 tells a store that \(race.rawValue)")
    }
}

/// A store that is right as long as one client uses it.
final class RacingStore: ForwardingStore {
    enum Race: String, CaseIterable, CustomTestStringConvertible {
        /// The head that it tells is moved by whoever appended, in any order.
        case movesHeadBack
        /// It looks at the versions, and writes without looking again.
        case checksBeforeItWrites
        /// The receipt is there before readers see the events.
        case showsReceiptsEarly

        var testDescription: String { rawValue }
    }

    let base: any EventStore = InMemoryEventStore()
    private let race: Race
    private let told = Mutex(Position.start)

    init(_ race: Race) { self.race = race }

    func append(_ request: AppendRequest) async throws(AppendError) -> AppendResult {
        switch race {
        case .movesHeadBack, .showsReceiptsEarly:
            let result = try await base.append(request)
            guard !result.isRepeat else { return result }
            await Task.yield()
            told.withLock { $0 = race == .movesHeadBack ? result.position : max($0, result.position) }
            return result
        case .checksBeforeItWrites:
            guard request.commandID == nil, request.condition == nil, request.checks.isEmpty, request.writes.count == 1,
                case .version(let version) = request.writes[0].expected,
                case .append(let events) = request.writes[0].action,
                let last = try? await base.readPage(
                    of: request.writes[0].stream, from: .end, direction: .forward, limit: 1),
                last.state.status == .live, last.state.lastVersion == version, last.events.last?.id != events.last?.id
            else { return try await base.append(request) }
            await Task.yield()
            var unguarded = request
            unguarded.writes[0].expected = .any
            return try await base.append(unguarded)
        }
    }

    func head() async throws(ReadError) -> Position {
        race == .checksBeforeItWrites ? try await base.head() : told.withLock { $0 }
    }
}
