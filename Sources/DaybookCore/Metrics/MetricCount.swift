import Synchronization

/// A number that any thread changes at the cost of one atomic addition: one that only grows, or how many there are of something.
package final class MetricCount: Sendable {
    private let number = Atomic(0)

    package init() {}

    package func add(_ more: Int = 1) { number.wrappingAdd(more, ordering: .relaxed) }

    package func subtract(_ less: Int = 1) { number.wrappingSubtract(less, ordering: .relaxed) }

    package var value: Int { number.load(ordering: .relaxed) }
}
