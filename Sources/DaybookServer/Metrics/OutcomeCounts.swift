#if Server
import DaybookCore

/// How often something ended in which way.
struct OutcomeCounts: Sendable {
    private let counts = CallOutcome.allCases.map { _ in MetricCount() }

    func add(_ outcome: CallOutcome) { counts[outcome.rawValue].add() }

    subscript(outcome: CallOutcome) -> Int { counts[outcome.rawValue].value }
}

extension MetricText {
    /// - Parameter sparsely: Whether to leave out what never happened: of many methods, most.
    mutating func add(_ counts: OutcomeCounts, _ labels: Labels, sparsely: Bool = false) {
        for outcome in CallOutcome.allCases where !sparsely || outcome == .ok || counts[outcome] > 0 {
            add(counts[outcome], labels + [(name: "outcome", value: "\(outcome)")])
        }
    }
}
#endif
