/// All streams of a kind: the part of their names before the first `-`. An empty category is that of `-42`.
///
/// Text with a `-` is refused, since no stream could be of that category.
public struct Category: BoundedName {
    public static let kind = "category"
    public let rawValue: String

    public init(unchecked text: String) { rawValue = text }

    public static func fault(in text: String) -> InvalidName.Reason? {
        text.utf8.contains(UInt8(ascii: "-")) ? .dash : nil
    }
}
