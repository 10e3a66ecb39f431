import Foundation

@testable import DaybookCommand

/// A folder that is gone when the test is.
final class TemporaryFolder {
    let path = FileManager.default.temporaryDirectory.path + "/daybook-test-\(UUID().uuidString)"

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { path + "/" + name }

    /// Writes a file and opens it as an input.
    func source(_ text: String, name: String = "input") throws -> ByteSource {
        try Data(text.utf8).write(to: URL(fileURLWithPath: file(name)))
        return try ByteSource.open(file(name))
    }
}

/// The built `daybook`, run as a process of its own.
struct Daybook {
    struct Outcome {
        var status: Int32
        var output: String
        var errors: String
        var lines: [Substring] { output.split(separator: "\n") }
    }

    struct NotBuilt: Error {}

    /// The binary, which lies beside the test bundle.
    static func binary() throws -> URL {
        var folder = Bundle.main.bundleURL
        for _ in 0..<4 {
            let candidate = folder.appendingPathComponent("daybook")
            if FileManager.default.isExecutableFile(atPath: candidate.path) { return candidate }
            folder = folder.deletingLastPathComponent()
        }
        throw NotBuilt()
    }

    static func run(_ arguments: String..., input: String = "") async throws -> Outcome {
        let process = Process()
        process.executableURL = try binary()
        process.arguments = arguments
        let folder = try TemporaryFolder()
        let files = ["in", "out", "err"].map { URL(fileURLWithPath: folder.file($0)) }
        try Data(input.utf8).write(to: files[0])
        for file in files.dropFirst() { try Data().write(to: file) }
        process.standardInput = try FileHandle(forReadingFrom: files[0])
        process.standardOutput = try FileHandle(forWritingTo: files[1])
        process.standardError = try FileHandle(forWritingTo: files[2])
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            process.terminationHandler = { _ in continuation.resume() }
            do { try process.run() } catch { continuation.resume(throwing: error) }
        }
        return Outcome(
            status: process.terminationStatus, output: try String(contentsOf: files[1], encoding: .utf8),
            errors: try String(contentsOf: files[2], encoding: .utf8))
    }
}

extension Daybook {
    /// Runs it with an output that nobody reads.
    ///
    /// - Returns: The exit code.
    static func runUnread(_ arguments: String...) async throws -> Int32 {
        let process = Process()
        process.executableURL = try binary()
        process.arguments = arguments
        let pipe = Pipe()
        try pipe.fileHandleForReading.close()
        process.standardOutput = pipe.fileHandleForWriting
        process.standardError = FileHandle.nullDevice
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            process.terminationHandler = { _ in continuation.resume() }
            do { try process.run() } catch { continuation.resume(throwing: error) }
        }
        return process.terminationStatus
    }
}

/// Real data that lies beside the repository, where there is any.
enum SharedData {
    static func path(_ name: String) -> String? {
        var folder = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { folder.deleteLastPathComponent() }
        let path = folder.deletingLastPathComponent().appendingPathComponent("shared/data/\(name)").path
        if FileManager.default.fileExists(atPath: path) { return path }
        print("Skipped: there is no \(path).")
        return nil
    }
}
