import DaybookCore

extension SQLiteEventStore {
    /// How the store is, and how far each consumer has come that keeps its position in this file: checkpoints, read models,
    /// consumer groups, publishers, process managers.
    ///
    /// It compares what is saved. A consumer that has ended is told from one that is slow by neither moving nor coming
    /// nearer between two checks.
    ///
    /// - Complexity: O(consumers and their parked events).
    public func health(_ policy: HealthPolicy = HealthPolicy()) async throws(ReadError) -> StoreHealth {
        let (now, reserve) = (time.now, freeSpaceReserve)
        var health = try await read { reader, head throws(StoreFailure) in
            try reader.health(policy, head: head, now: now, freeSpaceReserve: reserve)
        }
        if let failure = committer.currentStatus.failure {
            health.failure = failure
            health.problems.append("Nothing is written any more: \(failure)")
        }
        return health
    }

    /// The same of a file that another process has open, but for a failure that only that process knows of. It only reads.
    ///
    /// - Parameter freeSpaceReserve: The one that the other process has set.
    public static func health(
        ofFile path: String, _ policy: HealthPolicy = HealthPolicy(),
        freeSpaceReserve: Int64 = Configuration().freeSpaceReserve
    ) async throws(ReadError) -> StoreHealth {
        let now = TimeSource.system.now
        return try await observe(path) { reader, head throws(StoreFailure) in
            try reader.health(policy, head: head, now: now, freeSpaceReserve: freeSpaceReserve)
        }
    }
}
