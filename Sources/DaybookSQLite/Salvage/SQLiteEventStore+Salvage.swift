import DaybookCore
import Foundation

extension SQLiteEventStore {
    /// Copies whatever is whole in a damaged file into a new one.
    ///
    /// Works on files that ``open(_:configuration:)`` refuses: it does not go by the trees that lead to records, but looks through
    /// every page for records whose CRC fits, in the write-ahead log too. The damaged file is read alone: nothing in it or in its
    /// log changes, and the log is not copied into it.
    ///
    /// Saved events keep their positions, versions, times and identifiers, saved commands their receipts. At each position,
    /// command or name of which nothing whole was found the new file has a mark: reading over it throws
    /// ``ReadError/corrupted(position:stream:file:reason:)``, and so does asking for a stream, type or tag whose name may be the
    /// lost one. What was scavenged stays so, and what is in archives stays there: they have to lie beside the new file before
    /// that is opened. The events of an archive that is neither there nor beside the damaged file, or not whole, are lost. While
    /// a mark leaves open which stream has lost its end, or a name is lost, the new file takes no events.
    /// Checkpoints, snapshots and read models are not carried over: their owners begin again at the start of the log.
    ///
    /// - Parameters:
    ///   - path: The damaged file, on the platform's own file system. No store has it open.
    ///   - newPath: Does not exist yet.
    ///   - progress: Told now and then how many pages of how many were looked at; on a thread of its own.
    /// - Complexity: O(bytes of the file), once to find rows, and again when something is missing: then every byte is tried as
    ///   the beginning of one.
    public static func salvage(
        _ path: String, to newPath: String,
        progress: (@Sendable (_ done: Int64, _ total: Int64) -> Void)? = nil
    ) async throws(SalvageError) -> SalvageReport {
        let result: Result<SalvageReport, SalvageError> = await withUnsafeContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(
                    returning: Result { () throws(SalvageError) in
                        try run(FileLink.target(of: path), newPath, progress)
                    })
            }
        }
        return try result.get()
    }

    private static func run(
        _ path: String, _ newPath: String, _ progress: ((Int64, Int64) -> Void)?
    ) throws(SalvageError) -> SalvageReport {
        guard FileManager.default.fileExists(atPath: path) else { throw .missing(path: path) }
        guard !FileManager.default.fileExists(atPath: newPath) else { throw .exists(path: newPath) }
        let owner: OwnerLock.Reading?
        do {
            owner = try OwnerLock.Reading(beside: path)
        } catch {
            guard case .owned(_, let processID) = error else { throw .storageFailed(path: path, reason: "\(error)") }
            throw .owned(path: path, processID: processID)
        }
        defer { withExtendedLifetime(owner) {} }
        let source = try DamagedFile(path)
        // The new file gets its name when it is whole.
        let partial = newPath + ".partial"
        for suffix in ["", "-wal", "-shm"] { unlink(partial + suffix) }
        do {
            var salvage: LogSalvage? = try LogSalvage(source, at: path, to: partial)
            let report = try salvage?.run(progress: progress) ?? SalvageReport()
            salvage = nil  // Closes it.
            guard report.savedEvents + report.savedNames + report.savedCommits > 0 else {
                throw SalvageError.nothingFound(path: path)
            }
            guard link(partial, newPath) == 0 else {
                let code = errno
                if code == EEXIST { throw SalvageError.exists(path: newPath) }
                throw SalvageError.storageFailed(path: newPath, reason: String(cString: strerror(code)))
            }
            unlink(partial)
            syncFolder(of: newPath)
            return report
        } catch {
            for suffix in ["", "-wal", "-shm"] { unlink(partial + suffix) }
            if let error = error as? SalvageError { throw error }
            throw .storageFailed(path: newPath, reason: "\(error)")
        }
    }
}

private func syncFolder(of path: String) {
    let folder = open(URL(fileURLWithPath: path).deletingLastPathComponent().path, O_RDONLY | O_CLOEXEC)
    guard folder >= 0 else { return }
    fsync(folder)
    close(folder)
}
