/// Names the reader that a checkpoint belongs to: a projection, a publisher.
public struct CheckpointName: BoundedName {
    public static let kind = "checkpoint name"
    public let rawValue: String

    public init(unchecked text: String) { rawValue = text }
}
