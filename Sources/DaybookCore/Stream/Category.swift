/// All streams of a kind: the part of their names before the first `-`. An empty category is that of `-42`.
public struct Category: BoundedName {
    public static let kind = "category"
    public let rawValue: String

    public init(unchecked text: String) { rawValue = text }
}
