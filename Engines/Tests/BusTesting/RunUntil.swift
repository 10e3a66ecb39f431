import Daybook

/// Runs a source until the condition holds, and then ends it.
///
/// - Returns: Whether it held within a minute.
public func run(
    _ source: some EventSource, until condition: @Sendable () async throws -> Bool,
    taking take: @escaping @Sendable (ReceivedBatch) async throws -> Void
) async throws -> Bool {
    let running = Task { try await source.run(take) }
    let isReached: Bool
    do { isReached = try await eventually(condition) } catch {
        running.cancel()
        throw error
    }
    running.cancel()
    try await running.value
    return isReached
}
