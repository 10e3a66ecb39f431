import Foundation

/// A server of a test's own, that it may break: `scripts/engines/postgres` on a folder of its own.
final class Engine: Sendable {
    let url: String
    private let folder: String

    private static let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "scripts/engines/postgres").path

    /// - Parameter environment: Settings of the script, such as `POSTGRES_FSYNC`.
    private init(hasStandby: Bool, environment: [String: String]) async throws {
        folder = FileManager.default.temporaryDirectory.path + "/daybook-engine-\(UUID().uuidString)"
        url = try await Self.run(["start"] + (hasStandby ? ["--standby"] : []) + [folder], environment)
    }

    /// Starts a server, or two, and removes them afterwards.
    static func with(
        standby hasStandby: Bool = false, environment: [String: String] = [:], _ body: (Engine) async throws -> Void
    ) async throws {
        let engine = try await Engine(hasStandby: hasStandby, environment: environment)
        do { try await body(engine) } catch {
            _ = try? await engine.run("wipe")
            throw error
        }
        try await engine.run("wipe")
    }

    /// The address of one of two nodes alone.
    func url(ofNode node: Int) throws -> String {
        let parts = url.split(separator: ",")
        let user = url.prefix { $0 != "@" }
        guard node == 2, parts.count == 2 else { return String(parts[0]) + "/daybook?connect_timeout=3" }
        return "\(user)@\(parts[1])"
    }

    /// Runs a verb of the script.
    @discardableResult
    func run(_ verb: String, _ arguments: String...) async throws -> String {
        try await Self.run([verb, folder] + arguments, [:])
    }

    private static func run(_ arguments: [String], _ environment: [String: String]) async throws -> String {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(with: Result { try runAndWait(arguments, environment) })
            }
        }
    }

    private static func runAndWait(_ arguments: [String], _ environment: [String: String]) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: script)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        // A file, since the server inherits it and would keep a pipe open.
        let output = FileManager.default.temporaryDirectory.appending(path: "daybook-engine-\(UUID().uuidString).out")
        _ = FileManager.default.createFile(atPath: output.path, contents: nil)
        defer { try? FileManager.default.removeItem(at: output) }
        let handle = try FileHandle(forWritingTo: output)
        process.standardOutput = handle
        process.standardError = handle
        try process.run()
        process.waitUntilExit()
        try handle.close()
        let text = try String(contentsOf: output, encoding: .utf8)
        guard process.terminationStatus == 0 else {
            throw Server.Failure(description: "\(arguments.joined(separator: " ")): \(text)")
        }
        return text.split(separator: "\n").last.map(String.init) ?? ""
    }
}
