import DaybookCore

extension SQLiteEventStore {
    /// Sizes and counts of the file, and what its threads have done since it was opened.
    ///
    /// - Parameter includingTables: Whether to tell the size of each table, which takes a walk through all pages.
    /// - Complexity: O(names); O(bytes of the file) with the tables.
    public func statistics(includingTables: Bool = false) async throws(ReadError) -> StoreStatistics {
        var statistics = try await read { reader, head throws(StoreFailure) in
            try reader.statistics(head: head, includingTables: includingTables)
        }
        let inspection = await inspectWriter()
        statistics.writer = inspection?.writer
        statistics.connections = (inspection.map { [$0.connection] } ?? []) + readers.statistics
        statistics.failure = committer.currentStatus.failure
        return statistics
    }

    /// The same of a file that another process has open, without what only that process knows. It only reads.
    public static func statistics(
        ofFile path: String, includingTables: Bool = false
    ) async throws(ReadError) -> StoreStatistics {
        try await observe(path) { reader, head throws(StoreFailure) in
            try reader.statistics(head: head, includingTables: includingTables)
        }
    }

    /// Nil when the store is closed.
    private func inspectWriter() async -> GroupCommitter.Inspection? {
        await withUnsafeContinuation { continuation in
            if !committer.submit(.inspect { continuation.resume(returning: $0) }) {
                continuation.resume(returning: nil)
            }
        }
    }
}
