#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Makes the names of the files in a folder durable. SQLite does that too when it has made a journal, but goes on when the
/// system could not: a power cut may then leave no write-ahead log, and take with it what was acknowledged.
enum FolderSync {
    /// Syncs the folder in which a file lies, symbolic links resolved.
    ///
    /// - Throws: ``OpenError/storageFailed(path:reason:)`` when the system says that it could not.
    static func sync(folderOf path: String) throws(OpenError) {
        guard let resolved = realpath(path, nil) else { throw failure(path, "cannot be found") }
        defer { free(resolved) }
        let folder = String(cString: dirname(resolved))
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            // Whoever may write a folder but not list it cannot sync it, and is not kept from using a store there.
            if errno == EACCES { return }
            throw failure(path, "\(folder) cannot be opened")
        }
        defer { close(descriptor) }
        while fsync(descriptor) != 0 {
            switch errno {
            case EINTR: continue
            // A file system that has no such thing.
            case EINVAL, ENOTSUP: return
            default: throw failure(path, "\(folder) cannot be synced")
            }
        }
    }

    private static func failure(_ path: String, _ what: String) -> OpenError {
        .storageFailed(path: path, reason: "\(what): \(String(cString: strerror(errno)))")
    }
}
