import DaybookCore

/// What a consumer group keeps in order: events of one key are handled one after another, those of others beside them.
public struct ConsumerKey: BoundedName {
    public static let kind = "consumer key"
    public let rawValue: String

    public init(unchecked text: String) { rawValue = text }

    /// The key by default: an event's stream.
    public init(_ stream: StreamName) { rawValue = stream.rawValue }
}
