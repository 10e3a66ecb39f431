import Daybook
import Exchange
import Foundation

/// A file to which cloud events are appended, one JSON object a line, each synced before it counts as sent.
actor EventFile: PublisherTarget {
    private let path: String
    private let descriptor: Int32
    /// Behind the last line that was synced.
    private var end: Int
    /// What went wrong first: nothing is written after it.
    private var problem: FileProblem?
    private var onProblem: (@Sendable () -> Void)?
    /// The lines written so far.
    private(set) var count = 0

    /// Opens the file, or makes it, and locks it until the process ends. A last line that a crash has torn is removed: its
    /// event was not acknowledged.
    ///
    /// - Parameter store: The store's file, which it must not be; nil for a store on a server.
    /// - Throws: `FileProblem`; for a file that holds anything but cloud events too.
    init(_ path: String, besides store: String?) throws(FileProblem) {
        self.path = path
        let isNew = !FileManager.default.fileExists(atPath: path)
        for suffix in ["", "-wal", "-shm", "-owner", "-journal"]
        where store.map({ Self.isSame(path, $0 + suffix) }) ?? false {
            throw .unwritable(path: path, reason: "it belongs to the store: name a file of its own")
        }
        descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .unwritable(path: path, reason: String(cString: strerror(errno))) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw .unwritable(path: path, reason: "another process writes to it")
        }
        do {
            end = try Self.end(of: descriptor)
            if Int(lseek(descriptor, 0, SEEK_END)) > end {
                guard ftruncate(descriptor, off_t(end)) == 0 else { throw Refusal(String(cString: strerror(errno))) }
            }
            if isNew { try Self.syncFolder(of: path) }
        } catch {
            throw .unwritable(path: path, reason: "\(error)")
        }
    }

    /// Calls back when a write has failed.
    func whenProblem(_ action: @escaping @Sendable () -> Void) { onProblem = action }

    /// Throws what went wrong, if anything did.
    func check() throws(FileProblem) { if let problem { throw problem } }

    func send(_ events: [CloudEvent]) throws {
        try check()
        var lines: [UInt8] = []
        for event in events { lines += event.json + [UInt8(ascii: "\n")] }
        do {
            var written = 0
            while written < lines.count {
                let result = lines[written...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
                guard result >= 0 || errno == EINTR else { throw Refusal(String(cString: strerror(errno))) }
                written += max(result, 0)
            }
            guard fdatasync(descriptor) == 0 else { throw Refusal(String(cString: strerror(errno))) }
        } catch {
            // Half a line must not stand before the next one.
            _ = ftruncate(descriptor, off_t(end))
            let problem = FileProblem.unwritable(path: path, reason: "\(error)")
            self.problem = problem
            onProblem?()
            throw problem
        }
        end += lines.count
        count += events.count
    }

    private struct Refusal: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }

    /// Where the last whole line ends.
    ///
    /// - Throws: `Refusal` when the file holds something else than lines of cloud events.
    private static func end(of descriptor: Int32) throws -> Int {
        let size = Int(lseek(descriptor, 0, SEEK_END))
        // Members are in order, and the data are the first.
        let beginning = Array(#"{"data"#.utf8)
        func expect(_ bytes: [UInt8]) throws {
            guard bytes.starts(with: beginning.prefix(bytes.count)) else { throw Refusal("it holds no cloud events") }
        }
        try expect(try read(descriptor, 0..<min(size, beginning.count)))
        var end = size
        while end > 0 {
            let start = max(0, end - 65_536)
            if let last = try read(descriptor, start..<end).lastIndex(of: UInt8(ascii: "\n")) {
                end = start + last + 1
                break
            }
            end = start
        }
        try expect(try read(descriptor, end..<min(size, end + beginning.count)))
        return end
    }

    private static func read(_ descriptor: Int32, _ range: Range<Int>) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: range.count)
        var done = 0
        while done < bytes.count {
            let result = bytes.withUnsafeMutableBytes {
                pread(descriptor, $0.baseAddress?.advanced(by: done), $0.count - done, off_t(range.lowerBound + done))
            }
            guard result > 0 else {
                throw Refusal(result == 0 ? "it became shorter" : String(cString: strerror(errno)))
            }
            done += result
        }
        return bytes
    }

    private static func isSame(_ path: String, _ other: String) -> Bool {
        var (left, right) = (stat(), stat())
        return stat(path, &left) == 0 && stat(other, &right) == 0 && left.st_dev == right.st_dev
            && left.st_ino == right.st_ino
    }

    /// A new file may be missing after a power cut although its content was synced.
    private static func syncFolder(of path: String) throws {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Refusal(String(cString: strerror(errno))) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw Refusal(String(cString: strerror(errno))) }
    }
}
