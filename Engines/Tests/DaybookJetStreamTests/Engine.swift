import Foundation
import Testing

/// Servers that a test starts, kills and pauses by `scripts/engines/nats`.
struct Engine: Sendable {
    let script: String
    let folder: String
    var sync = "always"

    static let script = ProcessInfo.processInfo.environment["DAYBOOK_JETSTREAM_ENGINE"]
    static let isThere = script != nil
    static let skipped: Comment = "DAYBOOK_JETSTREAM_ENGINE is not set: run make test-engines ENGINES=jetstream"

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// Blocks; the scripts are short. (Foundation's `Process` waits for what the script leaves running, too.)
    @discardableResult
    func run(_ arguments: String...) throws -> String {
        let output = FileManager.default.temporaryDirectory
            .appendingPathComponent("daybook-nats-output-\(UInt64.random(in: 0 ... .max))").path
        defer { try? FileManager.default.removeItem(atPath: output) }
        var environment = ProcessInfo.processInfo.environment
        environment["NATS_FOLDER"] = folder
        environment["NATS_SYNC"] = sync
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        var words = (["/bin/bash", script] + arguments).map { strdup($0) } + [nil]
        var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in words + variables { free(text) } }
        var child = pid_t()
        guard posix_spawn(&child, "/bin/bash", &actions, nil, &words, &variables) == 0 else {
            throw Failure(description: "bash does not start")
        }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        let text = (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
        guard status == 0 else { throw Failure(description: "\(arguments) ended with \(status): \(text)") }
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Gives a body servers of its own, and removes them.
    static func withServers(
        nodes: Int = 1, sync: String = "always", _ body: (Engine, _ urls: String) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("daybook-nats-\(UInt64.random(in: 0 ... .max))").path
        let engine = Engine(script: try #require(script), folder: folder, sync: sync)
        let urls = try engine.run("start", "--nodes", String(nodes))
        do { try await body(engine, urls) } catch {
            try engine.run("wipe")
            throw error
        }
        try engine.run("wipe")
    }

    func monitors() throws -> [String] { try run("monitors").split(separator: ",").map { String($0) } }
}
