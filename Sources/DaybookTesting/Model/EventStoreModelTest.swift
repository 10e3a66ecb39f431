import DaybookCore

/// Compares a store with a naive model, over random requests and reads that one seed decides.
///
/// ```swift
/// @Test("The SQLite store does what the model says", arguments: TestSeeds.first(200))
/// func model(seed: UInt64) async throws {
///     try await EventStoreModelTest(seed: seed, steps: 60).run { try SQLiteEventStore.temporary() }
/// }
/// ```
///
/// The requests append to one or several streams at every kind of expected version, with checks, conditions and commands,
/// repeat and change earlier ones, set retentions, delete and tombstone; the reads use every cursor and filter. When the
/// store differs, the steps are cut down to a few that still show it, and thrown as a ``ModelTestFailure``.
public struct EventStoreModelTest: Sendable {
    public let seed: UInt64
    public let steps: Int
    private let time: DrivenTime?

    /// - Parameters:
    ///   - seed: Decides all steps.
    ///   - steps: How many requests and reads; 60 meet in most ways.
    ///   - time: The clock of the stores that the test makes, where they take one. The test then moves it, also back,
    ///     and checks recorded times and ages to the microsecond.
    public init(seed: UInt64, steps: Int = 60, time: DrivenTime? = nil) {
        self.seed = seed
        self.steps = steps
        self.time = time
    }

    /// Runs all steps on a store, and on more of them when it has to find the few that matter.
    ///
    /// - Parameters:
    ///   - makeStore: A new and empty store each time.
    ///   - reopen: Closes the store and opens it again; nil for one that forgets all when closed.
    /// - Throws: ``ModelTestFailure``, or what `makeStore` and `reopen` throw.
    public func run(
        makeStore: () async throws -> any EventStore,
        reopen: ((any EventStore) async throws -> any EventStore)? = nil
    ) async throws {
        var generator = ModelStepGenerator(seed: seed, drivesTime: time != nil, reopens: reopen != nil)
        var steps = generator.steps(steps)
        guard var difference = try await difference(in: steps, makeStore, reopen) else { return }
        steps = Array(steps.prefix(difference.index + 1))
        // Leaves out ever smaller runs of steps, as long as the rest still shows a difference.
        var size = max(steps.count / 2, 1)
        while true {
            var start = 0
            var isShorter = false
            while start < steps.count {
                var shorter = steps
                shorter.removeSubrange(start..<min(start + size, steps.count))
                if let found = try await self.difference(in: shorter, makeStore, reopen) {
                    steps = Array(shorter.prefix(found.index + 1))
                    difference = found
                    isShorter = true
                } else {
                    start += size
                }
            }
            if size == 1, !isShorter { break }
            size = max(size / 2, 1)
        }
        throw ModelTestFailure(seed: seed, steps: steps.map(\.description), difference: difference.message)
    }

    /// The first step at which a new store and a new model differ.
    private func difference(
        in steps: [ModelStep], _ makeStore: () async throws -> any EventStore,
        _ reopen: ((any EventStore) async throws -> any EventStore)?
    ) async throws -> (index: Int, message: String)? {
        time?.set(to: Timestamp(microseconds: 1_340_271_000_000_000))
        var run = ModelRun(store: try await makeStore(), time: time)
        for (index, step) in steps.enumerated() {
            if case .reopen = step.action {
                if let reopen { run.store = try await reopen(run.store) }
                continue
            }
            do { try await run.perform(step) } catch { return (index, "\(error)") }
        }
        do { try await run.compareLogs() } catch { return (steps.count, "At the end: \(error)") }
        return nil
    }
}
