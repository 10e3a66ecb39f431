import BusTesting
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

    @discardableResult
    func run(_ arguments: String...) throws -> String {
        try runScript([script] + arguments, environment: ["NATS_FOLDER": folder, "NATS_SYNC": sync])
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
