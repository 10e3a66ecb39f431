/// The name of a stream: the events of one subject, such as `order-42`.
///
/// The part before the first `-` is the ``category``: all streams of a kind. Names that begin with `$$` are the
/// store's own; each stream's settings and deletions are recorded in its control stream, `$$` and its name.
public struct StreamName: BoundedName {
    public static let kind = "stream name"
    /// Begins the names of control streams, which only the store writes.
    public static let controlPrefix = "$$"

    public let rawValue: String

    public init(unchecked text: String) { rawValue = text }

    /// Joins a category and the subject's identifier: `StreamName(category: "order", id: "42")` is `order-42`.
    public init(category: Category, id: String) throws(InvalidName) {
        try self.init("\(category.rawValue)-\(id)")
    }

    /// The part before the first `-`, or the whole name when there is none.
    public var category: Category {
        guard let dash = rawValue.utf8.firstIndex(of: UInt8(ascii: "-")) else { return Category(unchecked: rawValue) }
        return Category(unchecked: String(rawValue[..<dash]))
    }

    /// The part after the first `-`, or nil when there is none.
    public var id: Substring? {
        guard let dash = rawValue.utf8.firstIndex(of: UInt8(ascii: "-")) else { return nil }
        return rawValue[rawValue.utf8.index(after: dash)...]
    }

    /// Whether this is the store's record of another stream's settings.
    public var isControl: Bool { rawValue.utf8.starts(with: Self.controlPrefix.utf8) }

    /// The stream in which the settings and deletions of this stream are recorded.
    public var control: StreamName { StreamName(unchecked: Self.controlPrefix + rawValue) }

    /// The stream that this control stream is about; nil when this is no control stream.
    public var controlled: StreamName? {
        // By bytes: a combining mark at the beginning of the name makes one character with the end of the prefix.
        isControl
            ? StreamName(unchecked: String(Substring(rawValue.utf8.dropFirst(Self.controlPrefix.utf8.count)))) : nil
    }
}
