import DaybookCore

extension LogReader {
    /// What the file tells of itself at once, whatever is in it.
    struct Figures: Sendable {
        let fileBytes: Int64
        /// Bytes of the file that nothing is in.
        let unusedBytes: Int64
        let archiveBytes: Int64
        /// The highest number that a name, and a remembered command, has got.
        let names: Int64
        let commands: Int64
        let levels: [IndexLevelStatistics]
        /// The position up to which the index is in the file.
        let indexedThrough: Int64
    }

    /// - Complexity: O(archives and segments of the index).
    func figures() throws(StoreFailure) -> Figures {
        let archived = try archives.all()
        do {
            let pageBytes = try connection.integer("PRAGMA page_size") ?? 0
            return Figures(
                fileBytes: size(""), unusedBytes: (try connection.integer("PRAGMA freelist_count") ?? 0) * pageBytes,
                archiveBytes: archived.reduce(0) { $0 + $1.bytes },
                names: try connection.integer("SELECT max(id) FROM names") ?? 0,
                commands: try connection.integer("SELECT max(number) FROM commits") ?? 0, levels: levels,
                indexedThrough: index.segments.last?.last ?? 0)
        } catch {
            throw StoreFailure(reading: error, fromIndex: false)
        }
    }
}
