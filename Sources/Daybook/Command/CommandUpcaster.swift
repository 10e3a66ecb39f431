import DaybookCore

/// Lifts recorded commands of one version to the next, when they are read. It is pure: the same command must come out
/// of it for ever.
public struct CommandUpcaster: Sendable {
    public let schemaVersion: UInt32
    let change: @Sendable (inout JSONValue) throws -> Void

    /// - Parameter change: Sees the command as it is recorded: `{"transfer":{"amount":10}}` for an enum.
    public init(from schemaVersion: UInt32, _ change: @escaping @Sendable (inout JSONValue) throws -> Void) {
        self.schemaVersion = schemaVersion
        self.change = change
    }
}
