/// A store that tells how it is, and how far each consumer has come that keeps its position in it: checkpoints, read models,
/// consumer groups, publishers, process managers.
///
/// ```swift
/// let health = try await store.health(HealthPolicy(maxEventsBehind: 20_000))
/// for problem in health.problems + health.consumers.flatMap(\.problems) { print(problem) }
/// ```
public protocol HealthReporting: EventStore {
    /// Compares what is saved with the log. A consumer that has ended is told from one that is slow by neither moving nor
    /// coming nearer between two checks.
    ///
    /// - Throws: ``ReadError`` when the store does not answer, so that nothing can be told. What it can tell of itself is among
    ///   ``StoreHealth/problems``.
    /// - Complexity: O(consumers and what they have parked), whatever the length of the log. On a server a few requests for each of
    ///   them.
    func health(_ policy: HealthPolicy) async throws(ReadError) -> StoreHealth
}

extension HealthReporting {
    /// The same by the bounds that a ``HealthPolicy`` has when nothing is said.
    public func health() async throws(ReadError) -> StoreHealth { try await health(HealthPolicy()) }
}
