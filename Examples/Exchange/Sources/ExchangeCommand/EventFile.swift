import Daybook
import Exchange
import Foundation

/// A file to which cloud events are appended, one JSON object a line.
actor EventFile: PublisherTarget {
    private let path: String
    private let handle: FileHandle
    /// The lines written so far.
    private(set) var count = 0

    /// Opens the file, or makes it. A last line that a crash has torn is removed: its event was not acknowledged.
    init(_ path: String) throws {
        self.path = path
        if !FileManager.default.fileExists(atPath: path) {
            guard FileManager.default.createFile(atPath: path, contents: nil) else {
                throw FileProblem.unwritable(path: path, reason: "it cannot be made")
            }
        }
        do {
            handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
            try Self.removeTornLine(of: handle)
        } catch {
            throw FileProblem.unwritable(path: path, reason: error.localizedDescription)
        }
    }

    func send(_ events: [CloudEvent]) throws {
        var lines: [UInt8] = []
        for event in events { lines += event.json + [UInt8(ascii: "\n")] }
        do {
            try handle.write(contentsOf: lines)
            try handle.synchronize()
        } catch {
            throw FileProblem.unwritable(path: path, reason: error.localizedDescription)
        }
        count += events.count
    }

    private static func removeTornLine(of handle: FileHandle) throws {
        var end = try handle.seekToEnd()
        while end > 0 {
            let start = end > 65_536 ? end - 65_536 : 0
            try handle.seek(toOffset: start)
            let bytes = try handle.read(upToCount: Int(end - start)) ?? Data()
            if let last = bytes.lastIndex(of: UInt8(ascii: "\n")) {
                end = start + UInt64(bytes.distance(from: bytes.startIndex, to: last)) + 1
                break
            }
            end = start
        }
        try handle.truncate(atOffset: end)
        try handle.seek(toOffset: end)
    }
}
