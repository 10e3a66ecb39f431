import DaybookCore
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Keeps every other process, and every other store of this one, away from a file: an advisory lock on a file beside
/// it, in which the owner's process number stands. The system lets go of the lock when the process ends, however it
/// ends.
final class OwnerLock: Sendable {
    /// -1 when the lock was let go.
    private let descriptor: Mutex<Int32>

    /// - Throws: ``OpenError/owned(path:processID:)`` when someone has it, or ``OpenError/storageFailed(path:reason:)``.
    init(beside path: String) throws(OpenError) {
        let lockPath = path + "-owner"
        let descriptor = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw .storageFailed(path: path, reason: "cannot open \(lockPath): \(String(cString: strerror(errno)))")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let processID = Self.processID(in: descriptor)
            close(descriptor)
            throw .owned(path: path, processID: processID)
        }
        let text = Array("\(getpid())\n".utf8)
        guard ftruncate(descriptor, 0) == 0, pwrite(descriptor, text, text.count, 0) == text.count else {
            // A full disk must not keep a store from being read: the lock holds without the number.
            self.descriptor = Mutex(descriptor)
            return
        }
        self.descriptor = Mutex(descriptor)
    }

    /// Keeps stores away from a file that is only read, and of which not even the lock file is written. There is none when no
    /// store ever had the file open.
    final class Reading {
        private let descriptor: Int32

        init(beside path: String) throws(OpenError) {
            descriptor = open(path + "-owner", O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0, flock(descriptor, LOCK_SH | LOCK_NB) != 0 else { return }
            throw .owned(path: path, processID: OwnerLock.processID(in: descriptor))
        }

        deinit { if descriptor >= 0 { close(descriptor) } }
    }

    private static func processID(in descriptor: Int32) -> Int32? {
        var bytes = [UInt8](repeating: 0, count: 32)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        return Int32(String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).prefix(while: \.isNumber))
    }

    deinit { release() }

    /// Lets others have the file.
    func release() {
        descriptor.withLock { descriptor in
            guard descriptor >= 0 else { return }
            // Closing alone would leave the lock to a child process that is about to begin another program.
            flock(descriptor, LOCK_UN)
            close(descriptor)
            descriptor = -1
        }
    }

    /// Bytes that an ordinary process may still write beside a path; nil when the system does not tell.
    static func freeBytes(beside path: String) -> Int64? {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return nil }
        let (bytes, overflows) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        return overflows ? .max : Int64(clamping: bytes)
    }
}

extension Int64 {
    /// The sum with a number that is not negative; the highest number of all where that is lower. A reserve may be as high.
    func addingClamped(_ other: Int64) -> Int64 {
        let (sum, overflows) = addingReportingOverflow(other)
        return overflows ? .max : sum
    }
}
