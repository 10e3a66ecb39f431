import Foundation

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The file that a backup is to become: written under a name of its own beside its place, and moved there when it is whole.
///
/// What a killed backup has left is found by its name, told from one that is being made by an advisory lock (`flock`) that
/// its process holds, and removed by the next backup to the same place.
final class BackupDestination {
    let path: String
    /// Where the copy is until it is whole.
    let partial: String
    private let folder: String
    /// Open from before the first write: a write that failed behind anybody's back is told by a sync through it.
    private let descriptor: Int32
    /// Keeps the file that is being replaced from being opened meanwhile.
    private let replaced: OwnerLock?

    private static let suffix = ".partial-"
    /// What SQLite and the store put beside a file.
    private static let besides = ["", "-wal", "-shm", "-journal", "-owner"]

    /// Makes an empty file beside the destination.
    ///
    /// - Parameter source: The file to be copied, whose permissions it gets.
    init(_ path: String, replacing: Bool, source: String) throws(BackupError) {
        self.path = path
        folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        replaced = try Self.checked(path, replacing: replacing, source: source)
        Self.removeLeftovers(of: path, in: folder)
        partial = path + Self.suffix + UUID().uuidString
        let mode = Self.status(of: source)?.st_mode ?? 0o600
        descriptor = open(partial, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode_t(mode & 0o777))
        guard descriptor >= 0 else {
            replaced?.release()
            throw .storageFailed(path: partial, reason: "it cannot be created: \(Self.systemError)")
        }
        guard fchmod(descriptor, mode_t(mode & 0o777)) == 0, flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let reason = Self.systemError
            remove()
            throw .storageFailed(path: partial, reason: "it cannot be taken hold of: \(reason)")
        }
    }

    deinit {
        replaced?.release()
        if descriptor >= 0 { close(descriptor) }
    }

    /// Puts what was written on the disk.
    func sync() throws(BackupError) {
        guard fsync(descriptor) == 0 else {
            throw .storageFailed(path: partial, reason: "it cannot be synced: \(Self.systemError)")
        }
    }

    /// Moves the copy to its place, for good. No connection may have it open.
    func publish() throws(BackupError) {
        // Closing a store does not tell that it could not copy its log, which the copy would be moved without.
        guard Self.hasNoWAL(partial) else {
            throw .storageFailed(path: partial, reason: "its write-ahead log could not be copied into it")
        }
        try sync()
        if replaced == nil, Self.status(of: path) != nil { throw .destinationExists(path: path) }
        guard rename(partial, path) == 0 else {
            throw .storageFailed(path: path, reason: "the copy cannot be moved there: \(Self.systemError)")
        }
        removeBesides()
        replaced?.release()
        try syncFolder()
    }

    /// Leaves nothing of the copy.
    func remove() {
        unlink(partial)
        removeBesides()
        replaced?.release()
    }

    private func removeBesides() { for end in Self.besides.dropFirst() { unlink(partial + end) } }

    private func syncFolder() throws(BackupError) {
        let descriptor = open(folder, O_RDONLY | O_CLOEXEC)
        defer { if descriptor >= 0 { close(descriptor) } }
        guard descriptor >= 0, fsync(descriptor) == 0 else {
            throw .storageFailed(path: folder, reason: "the folder cannot be synced: \(Self.systemError)")
        }
    }

    /// Refuses a place that must not be written to; takes hold of the store that is to be replaced.
    private static func checked(
        _ path: String, replacing: Bool, source: String
    ) throws(BackupError) -> OwnerLock? {
        guard !belongs(path, to: source) else { throw .destinationIsSource(path: path) }
        var lock: OwnerLock?
        if let found = status(of: path) {
            if let source = status(of: source), source.st_dev == found.st_dev, source.st_ino == found.st_ino {
                throw .destinationIsSource(path: path)
            }
            guard replacing, found.st_mode & S_IFMT == S_IFREG else { throw .destinationExists(path: path) }
            do {
                lock = try OwnerLock(beside: path)
            } catch {
                guard case .owned(_, let processID) = error else {
                    throw .storageFailed(path: path, reason: error.description)
                }
                throw .destinationInUse(path: path, processID: processID)
            }
        }
        guard hasNoWAL(path) else {
            lock?.release()
            throw .destinationHasWAL(path: path)
        }
        return lock
    }

    /// Whether a path has the name of what stands beside a store and is a part of it: its write-ahead log, its lock, an archive.
    ///
    /// Some disks do not tell capital letters from small ones.
    private static func belongs(_ path: String, to store: String) -> Bool {
        let (file, own) = (URL(fileURLWithPath: path), URL(fileURLWithPath: store))
        guard let folder = status(of: file.deletingLastPathComponent().path),
            let ownFolder = status(of: own.deletingLastPathComponent().path),
            folder.st_dev == ownFolder.st_dev, folder.st_ino == ownFolder.st_ino
        else { return false }
        let (name, ownName) = (file.lastPathComponent.lowercased(), own.lastPathComponent.lowercased())
        guard name.hasPrefix(ownName) else { return false }
        let end = String(name.dropFirst(ownName.count))
        return besides.dropFirst().contains(end) || end.hasPrefix(".archive-")
    }

    /// Whether no write-ahead log is there, or an empty one.
    private static func hasNoWAL(_ path: String) -> Bool { status(of: path + "-wal").map { $0.st_size == 0 } ?? true }

    private static func removeLeftovers(of path: String, in folder: String) {
        let prefix = URL(fileURLWithPath: path).lastPathComponent + suffix
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let ids = Set(names.filter { $0.hasPrefix(prefix) }.map { $0.dropFirst(prefix.count).prefix(36) })
        for id in ids where UUID(uuidString: String(id)) != nil {
            let partial = path + suffix + id
            let descriptor = open(partial, O_RDWR | O_CLOEXEC)
            defer { if descriptor >= 0 { close(descriptor) } }
            guard descriptor < 0 || flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { continue }
            for end in besides { unlink(partial + end) }
        }
    }

    private static func status(of path: String) -> stat? {
        var status = stat()
        return stat(path, &status) == 0 ? status : nil
    }

    /// Whether two paths, of which one need not be there yet, lie on one disk.
    static func isOnOneDisk(_ path: String, _ other: String) -> Bool {
        guard let first = status(of: path), let second = status(of: other) else { return false }
        return first.st_dev == second.st_dev
    }

    private static var systemError: String { String(cString: strerror(errno)) }
}
