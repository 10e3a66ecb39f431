import Foundation

/// The lines of a text file, plain or compressed with gzip, read as a stream: at most 64 KiB and one line at a time are
/// in memory.
///
/// A file whose name ends in `.gz` is read through `gzip -dc`, a program that every Linux and macOS has, rather than
/// through zlib, whose headers would have to be installed before the package builds.
public struct LineFile: ~Copyable {
    /// The longest line, in bytes: 200 levels of a book fit a quarter of it.
    public static let longestLine = 64 << 10

    public let path: String
    /// How many lines were read.
    public private(set) var lineNumber = 0

    private let input: FileHandle
    private let gzip: Process?
    private var buffer: [UInt8] = []
    private var index = 0
    private var isAtEnd = false

    public init(path: String) throws(FileProblem) {
        self.path = path
        guard FileManager.default.isReadableFile(atPath: path) else {
            throw .unreadable(path: path, reason: "it does not exist, or may not be read")
        }
        guard path.hasSuffix(".gz") else {
            guard let handle = FileHandle(forReadingAtPath: path) else {
                throw .unreadable(path: path, reason: "it cannot be opened")
            }
            input = handle
            gzip = nil
            return
        }
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["gzip", "-dc", "--", path]
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        do { try process.run() } catch {
            throw .unreadable(path: path, reason: "gzip could not be started: \(error)")
        }
        input = output.fileHandleForReading
        gzip = process
    }

    /// The next line without its end, nil after the last one.
    public mutating func next() throws(FileProblem) -> [UInt8]? {
        while true {
            if let end = buffer[index...].firstIndex(of: UInt8(ascii: "\n")) {
                let line = Array(buffer[index..<end])
                index = end + 1
                lineNumber += 1
                return line
            }
            guard buffer.count - index <= Self.longestLine else {
                throw .lineTooLong(path: path, line: lineNumber + 1, limit: Self.longestLine)
            }
            if isAtEnd {
                guard index < buffer.count else { return nil }
                let line = Array(buffer[index...])
                index = buffer.count
                lineNumber += 1
                return line
            }
            buffer.removeSubrange(..<index)
            index = 0
            try fill()
        }
    }

    private mutating func fill() throws(FileProblem) {
        let chunk: Data?
        do { chunk = try input.read(upToCount: 64 << 10) } catch {
            throw .unreadable(path: path, reason: "\(error)")
        }
        guard let chunk, !chunk.isEmpty else {
            isAtEnd = true
            if let gzip {
                gzip.waitUntilExit()
                guard gzip.terminationStatus == 0 else {
                    throw .unreadable(path: path, reason: "gzip says that it is damaged or no gzip file")
                }
            }
            return
        }
        buffer.append(contentsOf: chunk)
    }

    deinit {
        try? input.close()
        if let gzip, gzip.isRunning { gzip.terminate() }
    }
}

/// Why a file cannot be read or written.
public enum FileProblem: Error, Equatable, CustomStringConvertible {
    case unreadable(path: String, reason: String)
    case unwritable(path: String, reason: String)
    case lineTooLong(path: String, line: Int, limit: Int)

    public var description: String {
        switch self {
        case .unreadable(let path, let reason): "'\(path)' cannot be read: \(reason)."
        case .unwritable(let path, let reason): "'\(path)' cannot be written: \(reason)."
        case .lineTooLong(let path, let line, let limit):
            "Line \(line) of '\(path)' is longer than \(limit) bytes: is it a text file?"
        }
    }
}
