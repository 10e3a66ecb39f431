import DaybookCore

extension SQLiteEventStore {
    /// Copies the store while it is being read and written.
    ///
    /// The copy has every event that was acknowledged before the call, perhaps some that came later, and the checkpoints,
    /// snapshots and read models of the same moment. It is a store like any other: open it, or move it to where the
    /// application looks for its own.
    ///
    /// It is written beside the destination under another name, synced, opened, read through and checked, and only then
    /// moved to its place, so that whatever stops a backup leaves the destination as it was.
    ///
    /// Nobody waits for it. While it runs, the write-ahead log cannot be emptied and grows with what is appended; the first
    /// append after it waits until that has been copied into the database. It stops when the disk runs short of
    /// ``Configuration/freeSpaceReserve``.
    ///
    /// - Parameters:
    ///   - destination: A file that is not there, in a folder that is.
    ///   - replacing: Whether a file may be there; it may not be an open store.
    ///   - verifying: Whether every record of the copy is read and checked. Without it, a damaged store has a damaged copy:
    ///     the way to keep what is left of one.
    ///   - progress: Told now and then how far it has come; on a thread of the store.
    /// - Complexity: O(bytes of the file) for the copy, O(events) for the check, about 600,000 a second.
    @discardableResult
    public func backup(
        to destination: String, replacing: Bool = false, verifying: Bool = true,
        progress: (@Sendable (BackupProgress) -> Void)? = nil
    ) async throws(BackupError) -> BackupReport {
        try await Self.backup(
            path, fileSystem: fileSystem, freeSpaceReserve: freeSpaceReserve, on: backups,
            isClosing: { [isClosing] in isClosing.isSet }, to: destination, replacing: replacing, verifying: verifying,
            progress)
    }

    /// Copies a store that another process has open, and goes on using.
    ///
    /// It only reads: it takes no lock that the owner would wait for, and never changes the file. A store that nobody has open
    /// should be opened and closed first, so that what its last process left is brought in order. See
    /// ``backup(to:replacing:verifying:progress:)``.
    @discardableResult
    public static func backup(
        ofFile path: String, to destination: String, replacing: Bool = false, verifying: Bool = true,
        progress: (@Sendable (BackupProgress) -> Void)? = nil
    ) async throws(BackupError) -> BackupReport {
        try await backup(
            FileLink.target(of: path), fileSystem: nil, freeSpaceReserve: Configuration().freeSpaceReserve,
            on: ThreadGroup(), isClosing: { false }, to: destination, replacing: replacing, verifying: verifying,
            progress)
    }

    private static func backup(
        _ source: String, fileSystem: String?, freeSpaceReserve: Int64, on threads: ThreadGroup,
        isClosing: @escaping @Sendable () -> Bool, to destination: String, replacing: Bool, verifying: Bool,
        _ progress: (@Sendable (BackupProgress) -> Void)?
    ) async throws(BackupError) -> BackupReport {
        let isCancelled = Flag()
        let copied: Result<(BackupCopy.Result, Owned<BackupDestination>), BackupError> =
            await withTaskCancellationHandler {
                await withUnsafeContinuation { continuation in
                    threads.start(
                        "daybook-backup",
                        once: {
                            continuation.resume(
                                returning: Result { () throws(BackupError) in
                                    let copy = BackupCopy(
                                        source: source, fileSystem: fileSystem, freeSpaceReserve: freeSpaceReserve,
                                        interruption: {
                                            if isCancelled.isSet { return .cancelled }
                                            return isClosing() ? .closed : nil
                                        },
                                        progress: { progress?(.copying(bytes: $0, of: $1)) })
                                    if let stop = copy.interruption() { throw stop }
                                    let place = try BackupDestination(destination, replacing: replacing, source: source)
                                    do throws(BackupError) {
                                        let result = try copy.run(to: place)
                                        try place.sync()
                                        return (result, Owned(place))
                                    } catch {
                                        place.remove()
                                        throw error
                                    }
                                })
                        })
                }
            } onCancel: {
                isCancelled.set()
            }
        let (copy, place) = try copied.get()
        do throws(BackupError) {
            let events =
                try await verifying
                ? verify(copy: place.value.partial, of: source, head: copy.head, progress) : nil
            try place.value.publish()
            return BackupReport(
                destination: destination, bytes: copy.bytes, head: Position(copy.head), eventsVerified: events,
                sourceWALBytes: copy.sourceWALBytes)
        } catch {
            place.value.remove()
            throw error
        }
    }

    /// Opens a copy as a store, and reads all of it.
    ///
    /// - Returns: How many events it has, all of them whole.
    private static func verify(
        copy: String, of source: String, head: Int64, _ progress: (@Sendable (BackupProgress) -> Void)?
    ) async throws(BackupError) -> Int64 {
        func damaged(_ finding: VerificationFinding, _ count: Int64 = 1) -> BackupError {
            .damaged(path: source, finding: finding, count: count)
        }
        var configuration = Configuration()
        configuration.createsFile = false
        configuration.readerCount = 1
        let store: SQLiteEventStore
        do {
            store = try await open(copy, configuration: configuration)
        } catch {
            switch error {
            case .corrupted(_, let reason):
                throw damaged(VerificationFinding(position: nil, stream: nil, reason: reason))
            case .logTooShort:
                throw damaged(VerificationFinding(position: nil, stream: nil, reason: error.description))
            default: throw .storageFailed(path: copy, reason: error.description)
            }
        }
        let result: Result<VerificationReport, ReadError>
        do throws(ReadError) {
            result = .success(try await store.verify { progress?(.verifying(events: $0, of: $1)) })
        } catch {
            result = .failure(error)
        }
        let found = store.signal.head
        await store.close()
        switch result {
        case .success(let report):
            if let finding = report.findings.first { throw damaged(finding, report.findingCount) }
            guard found == head else {
                throw .storageFailed(path: copy, reason: "it ends at position \(found), and was to end at \(head)")
            }
            return report.eventsChecked
        case .failure(.cancelled): throw .cancelled
        case .failure(.corrupted(let position, let stream, _, let reason)):
            throw damaged(VerificationFinding(position: position, stream: stream, reason: reason))
        case .failure(let error): throw .storageFailed(path: copy, reason: error.description)
        }
    }
}
