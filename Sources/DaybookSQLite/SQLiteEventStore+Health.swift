import DaybookCore

extension SQLiteEventStore: HealthReporting {
    /// What the file says at one moment.
    ///
    /// - Complexity: O(consumers and their parked events).
    public func health(_ policy: HealthPolicy) async throws(ReadError) -> StoreHealth {
        let (now, reserve) = (time.now, freeSpaceReserve)
        var health = try await read { reader, head throws(StoreFailure) in
            try reader.health(policy, head: head, now: now, freeSpaceReserve: reserve)
        }
        if let failure = committer.currentStatus.failure {
            health.file?.failure = failure
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
