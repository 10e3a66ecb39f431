/// A subject that an event concerns beside its stream, by which it can be found: `owner:17`.
///
/// Conditions and filters name tags, so that one decision can span several streams.
public struct Tag: BoundedName {
    public static let kind = "tag"
    public let rawValue: String

    public init(unchecked text: String) { rawValue = text }

    /// The kind of subject: what stands before the first `:`, or the whole tag when there is none.
    public var key: Substring { rawValue.prefix { $0 != ":" } }
}
