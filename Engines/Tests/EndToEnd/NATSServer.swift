import BusTesting
import Foundation

/// A NATS server that a test starts, kills and starts again.
struct NATSServer {
    let script: String
    let folder: String

    init(script: String) {
        self.script = script
        folder = FileManager.default.temporaryDirectory.path + "/daybook-relay-\(UUID().uuidString)"
    }

    /// - Returns: What the script prints.
    @discardableResult
    func run(_ arguments: String...) throws -> String {
        try runScript([script] + arguments, environment: ["NATS_FOLDER": folder])
    }

    func wipe() { _ = try? run("wipe") }
}
