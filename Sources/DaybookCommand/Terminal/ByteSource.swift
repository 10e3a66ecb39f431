import Dispatch
import Foundation
import Synchronization

/// Reads a file, a pipe or standard input in pieces, on a thread of its own, since such reads block.
final class ByteSource: Sendable {
    static let pieceBytes = 256 << 10

    private let descriptor: Int32
    private let name: String
    private let queue = DispatchQueue(label: "daybook.input")
    private let child: Child?
    /// The bytes of the file itself, before any decompression; nil for a pipe.
    let fileBytes: Int64?
    private let ownsDescriptor: Bool
    /// What is in memory already, instead of in a file.
    private let pieces: Mutex<ArraySlice<[UInt8]>>

    /// The process that unpacks the file; touched on the queue alone.
    private final class Child: @unchecked Sendable {
        let process: Process
        let output: Pipe

        init(process: Process, output: Pipe) {
            self.process = process
            self.output = output
        }
    }

    /// Standard input.
    static func standardInput() -> ByteSource {
        ByteSource(descriptor: 0, name: "Standard input", child: nil, fileBytes: nil, ownsDescriptor: false)
    }

    /// Bytes that are in memory already, in the pieces in which they are handed out; each must have at least one byte.
    static func pieces(_ pieces: [[UInt8]]) -> ByteSource {
        ByteSource(
            descriptor: -1, name: "The input", child: nil, fileBytes: nil, ownsDescriptor: false, pieces: pieces)
    }

    private init(
        descriptor: Int32, name: String, child: Child?, fileBytes: Int64?, ownsDescriptor: Bool, pieces: [[UInt8]] = []
    ) {
        self.descriptor = descriptor
        self.name = name
        self.child = child
        self.fileBytes = fileBytes
        self.ownsDescriptor = ownsDescriptor
        self.pieces = Mutex(pieces[...])
    }

    deinit {
        if ownsDescriptor { close(descriptor) }
        if let child, child.process.isRunning { child.process.terminate() }
    }

    /// Opens a file; one whose name ends in `.gz` comes unpacked.
    ///
    /// It is unpacked by the `gzip` program, which every system has: it works on a core of its own beside this one, and
    /// spares the package a library.
    static func open(_ path: String) throws -> ByteSource {
        guard path != "-" else { return standardInput() }
        let descriptor = Foundation.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            let code = errno
            let reason = String(cString: strerror(code))
            throw CommandFailure(
                code == ENOENT ? .missingFile : .inputOutput,
                "The file '\(path)' cannot be read (\(reason)): check its name and who may read it.")
        }
        var status = stat()
        let isFile = fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
        let size = isFile ? Int64(status.st_size) : nil
        guard path.hasSuffix(".gz") else {
            return ByteSource(
                descriptor: descriptor, name: "The file '\(path)'", child: nil, fileBytes: size, ownsDescriptor: true)
        }
        close(descriptor)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["gzip", "-dc", "--", path]
        process.standardInput = FileHandle.nullDevice
        let output = Pipe()
        process.standardOutput = output
        do { try process.run() } catch {
            throw CommandFailure(
                .inputOutput, "The program 'gzip' cannot be started (\(error)): install it, or unpack '\(path)' first.")
        }
        return ByteSource(
            descriptor: output.fileHandleForReading.fileDescriptor, name: "The file '\(path)'",
            child: Child(process: process, output: output), fileBytes: nil, ownsDescriptor: false)
    }

    /// The next bytes, at least one; nil at the end.
    func next() async throws -> [UInt8]? {
        guard descriptor >= 0 else { return pieces.withLock { $0.popFirst() } }
        return try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result { try self.read() }) }
        }
    }

    private func read() throws -> [UInt8]? {
        while true {
            var count = 0
            var code: Int32 = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: Self.pieceBytes) { buffer, initialized in
                count = Foundation.read(descriptor, buffer.baseAddress, buffer.count)
                code = errno
                initialized = max(0, count)
            }
            if count > 0 { return bytes }
            if count == 0 {
                try checkChild()
                return nil
            }
            if code != EINTR {
                throw CommandFailure(
                    .inputOutput, "\(name) cannot be read further (\(String(cString: strerror(code)))).")
            }
        }
    }

    private func checkChild() throws {
        guard let child else { return }
        child.process.waitUntilExit()
        guard child.process.terminationStatus == 0 else {
            throw CommandFailure(
                .malformedInput,
                "\(name) cannot be unpacked (gzip ended with \(child.process.terminationStatus)): it is damaged or cut "
                    + "short; fetch it again.")
        }
    }
}
