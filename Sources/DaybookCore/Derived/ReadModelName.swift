/// Names a read model: a set of keyed documents with one checkpoint.
public struct ReadModelName: BoundedName {
    public static let kind = "read model name"
    public let rawValue: String

    public init(unchecked text: String) { rawValue = text }
}
