import DaybookCore
import Synchronization

extension SQLiteEventStore {
    /// Moves the oldest events into a file of their own, which is never changed again and from which reads still get them.
    ///
    /// The archive stands beside the store's file, under its name and the positions: `bank.daybook.archive-1-250000`.
    /// The files belong together: move, copy and back up all of them. Positions, versions, the index, commits and names
    /// stay where they are. While an archive is away, reads of its events throw ``ReadError/archiveUnreadable(position:file:reason:)``,
    /// and so do appends to streams whose last event or settings are in it; everything else goes on.
    ///
    /// Events are copied, synced and read again, record by record, before the store lists the archive; only then are they
    /// removed from its own file, in transactions of some thousand. It may be stopped at any moment, also by a crash: the
    /// events are then in the store's file, or in both, and another run does the rest.
    ///
    /// - Parameters:
    ///   - position: The last position to move. The log's last event always stays.
    ///   - progress: Told now and then how many positions of how many were copied.
    /// - Complexity: O(events moved).
    @discardableResult
    public func archive(
        through position: Position, progress: (@Sendable (_ done: Int64, _ total: Int64) -> Void)? = nil
    ) async throws(ArchiveError) -> ArchiveReport {
        guard isArchiving.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged
        else { throw .storageFailed(reason: "\(path): it is being archived already") }
        defer { isArchiving.store(false, ordering: .releasing) }
        var report = ArchiveReport()
        let path = path
        let previous = try await onReader { reader throws(ArchiveError) in
            do throws(StoreFailure) { return try reader.archives.checkedLast() } catch {
                throw .unreadable(error.readError(file: path))
            }
        }
        let archived = previous?.positions.upperBound ?? 0
        report.leftOver = try await removeArchived(through: archived)
        let last = min(position.rawValue, signal.head - 1)
        guard archived < last else { return report }

        let total = last - archived
        let fileSystem = fileSystem
        let writer = try await onReader { _ throws(ArchiveError) in
            Owned(try ArchiveWriter(archived + 1...last, of: path, fileSystem: fileSystem))
        }
        var done = archived
        while done < last {
            done = try await onReader { reader throws(ArchiveError) in
                try writer.value.copy(Self.positionsPerRead, from: reader)
                return writer.value.done
            }
            progress?(done - archived, total)
        }
        let row = try await onReader { _ throws(ArchiveError) in try writer.value.finish() }
        try await onWriter { thread throws(StoreFailure) in try thread.add(row) }
        try await removeArchived(through: last)
        report.file = ArchiveFile.path(row.name, beside: path)
        report.first = Position(row.positions.lowerBound)
        report.last = Position(last)
        report.events = writer.value.events
        report.bytes = row.bytes
        return report
    }

    private static let positionsPerRead: Int64 = 20_000

    /// Removes what archives hold from the store's own file.
    @discardableResult
    private func removeArchived(through position: Int64) async throws(ArchiveError) -> Int64 {
        var removed: Int64 = 0
        while position > 0 {
            let count = try await onWriter { thread throws(StoreFailure) in
                try thread.removeArchived(through: position)
            }
            removed += count
            if count == 0 { break }
        }
        return removed
    }

    private func onReader<Value: Sendable>(
        _ body: @escaping @Sendable (LogReader) throws(ArchiveError) -> Value
    ) async throws(ArchiveError) -> Value {
        let result: Result<Value, ArchiveError>
        do throws(ReadError) {
            result = try await read { reader, _ throws(StoreFailure) in
                Result { () throws(ArchiveError) in try body(reader) }
            }
        } catch {
            switch error {
            case .cancelled: throw .cancelled
            case .closed: throw .closed
            default: throw .unreadable(error)
            }
        }
        return try result.get()
    }

    private func onWriter<Value: Sendable>(
        _ body: @escaping @Sendable (WriterThread) throws(StoreFailure) -> Value
    ) async throws(ArchiveError) -> Value {
        guard !Task.isCancelled else { throw .cancelled }
        let path = path
        let result: Result<Value, ArchiveError> = await withUnsafeContinuation { continuation in
            let job = GroupCommitter.Job.upkeep { thread in
                let result = Result { () throws(StoreFailure) in try body(thread) }
                continuation.resume(
                    returning: result.mapError { ArchiveError.storageFailed(reason: $0.reason(file: path)) })
            }
            if !committer.submit(job) { continuation.resume(returning: .failure(.closed)) }
        }
        return try result.get()
    }
}
