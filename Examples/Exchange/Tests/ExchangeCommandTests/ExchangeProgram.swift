import Foundation

/// The built `exchange`, run as a process of its own, in a folder that is gone when the test is.
final class ExchangeProgram: Sendable {
    struct Outcome {
        var status: Int32
        var output: String
        var errors: String
    }

    struct NotBuilt: Error {}

    private let folder = FileManager.default.temporaryDirectory.path + "/exchange-test-\(UUID().uuidString)"
    private let binary: URL

    init() throws {
        // It lies beside the test bundle.
        var place = Bundle.main.bundleURL
        var found: URL?
        for _ in 0..<4 where found == nil {
            let candidate = place.appendingPathComponent("exchange")
            if FileManager.default.isExecutableFile(atPath: candidate.path) { found = candidate }
            place = place.deletingLastPathComponent()
        }
        guard let found else { throw NotBuilt() }
        binary = found
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func file(_ name: String) -> String { folder + "/" + name }

    func run(_ arguments: String...) async throws -> Outcome { try await run(arguments) }

    func run(_ arguments: [String]) async throws -> Outcome {
        let process = Process()
        process.executableURL = binary
        process.arguments = arguments
        let files = ["out", "err"].map { URL(fileURLWithPath: file("\($0)-\(UUID().uuidString)")) }
        for file in files { try Data().write(to: file) }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: files[0])
        process.standardError = try FileHandle(forWritingTo: files[1])
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            process.terminationHandler = { _ in continuation.resume() }
            do { try process.run() } catch { continuation.resume(throwing: error) }
        }
        return Outcome(
            status: process.terminationStatus, output: try String(contentsOf: files[0], encoding: .utf8),
            errors: try String(contentsOf: files[1], encoding: .utf8))
    }
}
