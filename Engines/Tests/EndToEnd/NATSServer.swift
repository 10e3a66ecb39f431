import Foundation

/// A NATS server that a test starts, kills and starts again.
struct NATSServer {
    struct Failure: Error { var arguments: [String] }

    let script: String
    let folder: String

    init(script: String) throws {
        self.script = script
        folder = NSTemporaryDirectory() + "daybook-relay-\(UUID().uuidString)"
    }

    /// - Returns: What the script prints.
    @discardableResult
    func run(_ arguments: String...) throws -> String {
        let output = FileManager.default.temporaryDirectory.appendingPathComponent("relay-\(UUID().uuidString)")
        _ = FileManager.default.createFile(atPath: output.path, contents: nil)
        defer { try? FileManager.default.removeItem(at: output) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = [script] + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(["NATS_FOLDER": folder]) { $1 }
        process.standardOutput = try FileHandle(forWritingTo: output)
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure(arguments: arguments) }
        return String(decoding: try Data(contentsOf: output), as: UTF8.self)
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    func wipe() { _ = try? run("wipe") }
}
