import Testing

/// A test that does to code what happens to it in the field, by a schedule of steps that a seed decides, and compares
/// what is observed with what is observed when nothing happens.
///
/// ``SystemTorture`` does it to a whole system over a store, ``HandlerTorture`` to one handler of events.
public protocol TortureTest: Sendable {
    /// One thing that happens.
    associatedtype Step: Sendable, Hashable, CustomStringConvertible
    associatedtype Observation: Sendable, Equatable

    /// The steps that a seed decides: the same each time, on every machine.
    func steps(seed: UInt64) -> [Step]

    /// The same step a little earlier or later, for when one that is left out makes others fall elsewhere; nil, unless a
    /// test says more, when none does.
    func moved(_ step: Step, by distance: Int) -> Step?

    /// Runs everything anew under some steps, and observes what came of it.
    func outcome(under steps: [Step]) async -> TortureOutcome<Step, Observation>
}

extension TortureTest {
    public func moved(_ step: Step, by distance: Int) -> Step? { nil }

    /// Runs the schedule of each seed until one fails, and records its shortest form as an issue of the running test.
    ///
    /// - Parameter seeds: ``TestSeeds/first(_:)``, so that one seed can be run again alone.
    /// - Returns: What was recorded; nil when all is well.
    @discardableResult
    public func check(
        seeds: [UInt64], sourceLocation: SourceLocation = #_sourceLocation
    ) async -> TortureFailure<Step>? {
        record(await failure(seeds: seeds), sourceLocation)
    }

    /// Runs one schedule, such as one that failed and is to be kept as a test.
    @discardableResult
    public func check(
        _ steps: Step..., sourceLocation: SourceLocation = #_sourceLocation
    ) async -> TortureFailure<Step>? {
        let failure: TortureFailure<Step>?
        switch await undisturbed() {
        case .success(let expected): failure = await self.failure(under: steps, seed: nil, expected)
        case .failure(let found): failure = found
        }
        return record(failure, sourceLocation)
    }

    /// The shortest schedule that fails, of the first seed that does; nil when none fails.
    public func failure(seeds: [UInt64]) async -> TortureFailure<Step>? {
        let expected: Observation
        switch await undisturbed() {
        case .success(let observation): expected = observation
        case .failure(let failure): return failure
        }
        for seed in seeds {
            let steps = steps(seed: seed)
            guard let failure = await failure(under: steps, seed: seed, expected) else { continue }
            return await shortest(failure, expected)
        }
        return nil
    }

    /// What is observed when nothing happens.
    private func undisturbed() async -> Result<Observation, TortureFailure<Step>> {
        let outcome = await outcome(under: [])
        return outcome.observation.mapError { fault in
            TortureFailure(seed: nil, steps: [], notes: [:], difference: "Undisturbed it fails: \(fault)")
        }
    }

    private func failure(
        under steps: [Step], seed: UInt64?, _ expected: Observation
    ) async -> TortureFailure<Step>? {
        let outcome = await outcome(under: steps)
        let difference: String
        switch outcome.observation {
        case .success(expected): return nil
        case .success(let actual):
            difference =
                (steps.isEmpty
                    ? "Two undisturbed runs are observed differently: let nothing of it depend on chance or time.\n"
                    : "It is observed otherwise than undisturbed.\n")
                + ScenarioText.comparison(
                    expected: ScenarioText.dump(expected), actual: ScenarioText.dump(actual))
        case .failure(let fault): difference = fault.description
        }
        return TortureFailure(seed: seed, steps: steps, notes: outcome.notes, difference: difference)
    }

    /// Leaves out one step after another, as long as the rest fails, until each is needed.
    private func shortest(_ failure: TortureFailure<Step>, _ expected: Observation) async -> TortureFailure<Step> {
        var shortest = failure
        while let shorter = await shorter(shortest, expected) { shortest = shorter }
        return shortest
    }

    /// The same failure with a step less: the others where they are, or else all of them a little earlier or later.
    private func shorter(_ failure: TortureFailure<Step>, _ expected: Observation) async -> TortureFailure<Step>? {
        for distance in [0] + (1...16).flatMap({ [-$0, $0] }) {
            for index in failure.steps.indices {
                var steps = failure.steps
                steps.remove(at: index)
                if distance != 0 {
                    let moved = steps.compactMap { self.moved($0, by: distance) }
                    guard !moved.isEmpty, moved.count == steps.count else { continue }
                    steps = moved
                }
                if let shorter = await self.failure(under: steps, seed: failure.seed, expected) { return shorter }
            }
        }
        return nil
    }

    private func record(
        _ failure: TortureFailure<Step>?, _ sourceLocation: SourceLocation
    ) -> TortureFailure<Step>? {
        if let failure {
            Issue.record(Comment(rawValue: failure.description), sourceLocation: sourceLocation)
        }
        return failure
    }
}
