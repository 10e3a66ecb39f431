/// A state saved at a version of its stream: always safe to delete.
public struct Snapshot: Sendable, Hashable {
    public var key: SnapshotKey
    /// The version of the last event folded into the state.
    public var version: StreamVersion
    /// The position of that event.
    public var position: Position
    /// Identifies the state's schema and the fold; a snapshot with another one is not used.
    public var schema: String
    public var data: [UInt8]

    public init(key: SnapshotKey, version: StreamVersion, position: Position, schema: String, data: [UInt8]) {
        self.key = key
        self.version = version
        self.position = position
        self.schema = schema
        self.data = data
    }
}
