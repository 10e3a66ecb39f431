/// A name of 1 to 512 bytes of UTF-8 without control characters: of a stream, an event type, a tag, a command.
///
/// Conforming types differ only in what they name, so that the compiler keeps them apart. A literal that breaks
/// the bounds stops the program; text from outside goes through ``init(_:)``, which throws.
///
/// Names are compared and ordered byte by byte: two names are one only when their UTF-8 is the same, also where
/// Unicode calls them equivalent, as `é` in one scalar and in two. Every store and every process agrees on that.
public protocol BoundedName: Sendable, Hashable, Comparable, Codable, CustomStringConvertible,
    ExpressibleByStringLiteral, RawRepresentable
where RawValue == String {
    /// What the name stands for, in messages: "stream name", "tag".
    static var kind: String { get }
    /// What keeps text that is within the bounds from being such a name; nil, unless a type says more, when nothing does.
    static func fault(in text: String) -> InvalidName.Reason?
    /// Takes text that is known to keep the bounds, such as text that a store gives back.
    init(unchecked text: String)
    var rawValue: String { get }
}

extension BoundedName {
    /// Checks the bounds of a name that comes from outside.
    ///
    /// - Throws: ``InvalidName`` with the name's kind, and what is wrong with it.
    public init(_ text: String) throws(InvalidName) {
        let bytes = text.utf8
        guard !bytes.isEmpty, bytes.count <= Limits.nameBytes else {
            throw InvalidName(kind: Self.kind, text: text, reason: .length(bytes.count))
        }
        guard !bytes.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
            throw InvalidName(kind: Self.kind, text: text, reason: .controlCharacter)
        }
        if let fault = Self.fault(in: text) { throw InvalidName(kind: Self.kind, text: text, reason: fault) }
        self.init(unchecked: text)
    }

    public static func fault(in text: String) -> InvalidName.Reason? { nil }

    public init?(rawValue: String) {
        guard let name = try? Self(rawValue) else { return nil }
        self = name
    }

    public init(stringLiteral value: String) {
        do {
            self = try Self(value)
        } catch {
            preconditionFailure("\(error)")
        }
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        do {
            self = try Self(container.decode(String.self))
        } catch let error as InvalidName {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: error.description)
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }

    public var description: String { rawValue }

    public static func == (left: Self, right: Self) -> Bool { left.rawValue.hasSameBytes(as: right.rawValue) }

    public func hash(into hasher: inout Hasher) {
        var text = rawValue
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        hasher.combine(0xFF as UInt8)  // No name holds this byte, so that joined names keep their ends.
    }

    public static func < (left: Self, right: Self) -> Bool {
        left.rawValue.utf8.lexicographicallyPrecedes(right.rawValue.utf8)
    }
}
