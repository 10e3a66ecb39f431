/// What a projection's runner does with an event that cannot be read or applied. Nothing skips it.
public struct ProjectionFailurePolicy: Sendable, Hashable {
    /// How many keys may be parked; 0 stops the projection at the first failure.
    public let parkedKeys: Int

    /// The projection stops before the event: its read model stays as it was, all at one position.
    public static let stop = ProjectionFailurePolicy(parkedKeys: 0)

    /// The event's keys stop before it, and all others go on; see ``ProjectionRunner/parkedKeys()`` and
    /// ``ProjectionRunner/resume(_:)``, and for rows of your own tables `SQLProjectionRunner.resumeParkedKeys()`.
    ///
    /// - Parameter limit: The keys after which the projection stops all the same, 1 to 1 000.
    public static func parkKeys(limit: Int = 100) -> ProjectionFailurePolicy {
        ProjectionFailurePolicy(parkedKeys: min(max(1, limit), 1_000))
    }
}
