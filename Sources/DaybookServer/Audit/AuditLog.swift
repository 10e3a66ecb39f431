#if Server
import DaybookCore
import Dispatch
import Foundation
import Synchronization

/// Who has read what, in a file of its own: a line of JSON for each read of a marked stream, which is on the disk before the
/// reader is given the first event. A read whose line cannot be written is refused.
///
/// ```json
/// {"time":"2026-11-27T20:15:00.000000Z","user":"ada","address":"10.0.0.7","call":"GET /v1/streams/{stream}",
///  "stream":"payroll-7","of":"events"}
/// ```
///
/// Nothing but the end of the file is written to. It is opened for each group of lines, so that one that is moved away is begun
/// anew, and what a crash or a full disk has left of a line is ended before the next. Lines of calls that come together share one
/// sync. The thread that waits for the disk is the log's own.
final class AuditLog: Sendable {
    struct Read: Sendable {
        var user: String
        var address: String
        /// The method or the route, without what its parameters are.
        var call: String
        var stream: StreamResource
    }

    private struct State {
        var lines: [UInt8] = []
        var waiting: [CheckedContinuation<Void, any Error>] = []
        var isWriting = false
    }

    /// Why a read is not to be answered.
    enum Failure: Error, Equatable, CustomStringConvertible {
        case tooManyWait
        case unwritable(reason: String)

        var description: String {
            switch self {
            case .tooManyWait: "too many reads wait for it"
            case .unwritable(let reason): reason
            }
        }
    }

    private let path: String
    private let mostWaiting: Int
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "daybook.audit")

    init(path: String, mostWaiting: Int = ServerLimits().auditReadsWaiting) {
        self.path = path
        self.mostWaiting = mostWaiting
    }

    /// Tells whether lines can be written there. To be asked when the server starts, and not by the first reader.
    func check() throws(Failure) { try write([]) }

    /// Returns when the line is on the disk. Cancelling the task does not end the wait, which is for the disk alone: a reader
    /// that goes away has its line nevertheless.
    func record(_ read: Read, at time: Timestamp = TimeSource.system.now) async throws(Failure) {
        let line = Self.line(read, at: time)
        do {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let (begins, hasRoom) = state.withLock { state -> (Bool, Bool) in
                    guard state.waiting.count < mostWaiting else { return (false, false) }
                    state.lines += line
                    state.waiting.append(continuation)
                    defer { state.isWriting = true }
                    return (!state.isWriting, true)
                }
                if !hasRoom { continuation.resume(throwing: Failure.tooManyWait) }
                if begins { queue.async { self.writeWaiting() } }
            }
        } catch let failure as Failure {
            throw failure
        } catch {
            throw .unwritable(reason: "\(error)")
        }
    }

    static func line(_ read: Read, at time: Timestamp) -> [UInt8] {
        var bytes = Array(#"{"time":"\#(time)","user":"#.utf8)
        bytes.appendJSONString(read.user)
        bytes += #","address":"#.utf8
        bytes.appendJSONString(read.address)
        bytes += #","call":"#.utf8
        bytes.appendJSONString(read.call)
        bytes += #","stream":"#.utf8
        bytes.appendJSONString(read.stream.name.rawValue)
        bytes += #","of":"#.utf8
        bytes.appendJSONString(read.stream.isMetadata ? "metadata" : "events")
        bytes += "}\n".utf8
        return bytes
    }

    private func writeWaiting() {
        while true {
            let (lines, waiting) = state.withLock { state -> ([UInt8], [CheckedContinuation<Void, any Error>]) in
                let taken = (state.lines, state.waiting)
                state.lines = []
                state.waiting = []
                if taken.1.isEmpty { state.isWriting = false }
                return taken
            }
            guard !waiting.isEmpty else { return }
            let result: Result<Void, any Error>
            do {
                try write(lines)
                result = .success(())
            } catch {
                result = .failure(error)
            }
            for continuation in waiting { continuation.resume(with: result) }
        }
    }

    // MARK: - The file

    private func write(_ lines: [UInt8]) throws(Failure) {
        var descriptor = open(path, O_RDWR | O_APPEND | O_CLOEXEC)
        let isNew = descriptor < 0 && errno == ENOENT
        if isNew { descriptor = open(path, O_RDWR | O_APPEND | O_CLOEXEC | O_CREAT, 0o600) }
        guard descriptor >= 0 else { throw Self.failure() }
        defer { close(descriptor) }
        if isNew { try syncFolder() }
        guard !lines.isEmpty else { return }
        var rest = (try endsWithin(descriptor) ? [UInt8(ascii: "\n")] : []) + lines
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                rest.removeFirst(count)
            } else if errno != EINTR {
                throw Self.failure()
            }
        }
        guard Self.sync(descriptor) else { throw Self.failure() }
    }

    /// Whether the file ends within a line. A file that is none, such as a pipe, does not.
    private func endsWithin(_ descriptor: Int32) throws(Failure) -> Bool {
        let end = lseek(descriptor, 0, SEEK_END)
        guard end > 0 else { return false }
        var last: UInt8 = 0
        guard pread(descriptor, &last, 1, end - 1) == 1 else { throw Self.failure() }
        return last != UInt8(ascii: "\n")
    }

    /// So that the file's name outlives a power cut, too.
    private func syncFolder() throws(Failure) {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        let descriptor = open(folder, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failure() }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw Self.failure() }
    }

    private static func sync(_ descriptor: Int32) -> Bool {
        #if canImport(Darwin)
        // There, fsync leaves the bytes in the disk's own cache.
        fcntl(descriptor, F_FULLFSYNC) == 0 || fsync(descriptor) == 0
        #else
        fsync(descriptor) == 0
        #endif
    }

    private static func failure() -> Failure { .unwritable(reason: String(cString: strerror(errno))) }
}
#endif
