/// Names what a snapshot is of, usually a stream together with the fold that made the state.
public struct SnapshotKey: BoundedName {
    public static let kind = "snapshot key"
    public let rawValue: String

    public init(unchecked text: String) { rawValue = text }
}
