import Foundation

/// The built `daybook`, run as a process of its own, in a folder that is gone when the test is.
public final class DaybookProgram: Sendable {
    public struct Outcome: Sendable {
        public var status: Int32
        public var output: String
        public var errors: String
    }

    public struct NotBuilt: Error {}

    private let folder = FileManager.default.temporaryDirectory.path + "/daybook-trial-\(UUID().uuidString)"
    private let binary: URL

    public init() throws {
        // It lies beside the test bundle.
        var place = Bundle.main.bundleURL
        var found: URL?
        for _ in 0..<4 where found == nil {
            let candidate = place.appendingPathComponent("daybook")
            if FileManager.default.isExecutableFile(atPath: candidate.path) { found = candidate }
            place = place.deletingLastPathComponent()
        }
        guard let found else { throw NotBuilt() }
        binary = found
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    public func file(_ name: String) -> String { folder + "/" + name }

    /// - Parameter delay: After which the process is killed; nil to wait for its end.
    public func run(_ arguments: String..., killedAfter delay: Duration? = nil) async throws -> Outcome {
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
            do { try process.run() } catch {
                continuation.resume(throwing: error)
                return
            }
            guard let delay else { return }
            let identifier = process.processIdentifier
            let seconds = Double(delay.components.seconds) + Double(delay.components.attoseconds) / 1e18
            DispatchQueue.global().asyncAfter(deadline: .now() + seconds) { kill(identifier, SIGKILL) }
        }
        return Outcome(
            status: process.terminationReason == .uncaughtSignal ? -1 : process.terminationStatus,
            output: try String(contentsOf: files[0], encoding: .utf8),
            errors: try String(contentsOf: files[1], encoding: .utf8))
    }
}
