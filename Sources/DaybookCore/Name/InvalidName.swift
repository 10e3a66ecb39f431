/// A name from outside that breaks the bounds of ``BoundedName``.
public struct InvalidName: Error, Equatable, CustomStringConvertible {
    public enum Reason: Sendable, Equatable {
        /// Empty, or longer than ``Limits/nameBytes``; the length found, in bytes of UTF-8.
        case length(Int)
        /// A byte below 0x20, or 0x7F.
        case controlCharacter
        /// The beginning is kept for the store's own streams.
        case reserved(prefix: String)
        /// A `-`, at which the category of a stream ends, so that no stream is of this one.
        case dash
    }

    /// What the name was to stand for: "stream name", "tag".
    public let kind: String
    public let text: String
    public let reason: Reason

    public init(kind: String, text: String, reason: Reason) {
        self.kind = kind
        self.text = text
        self.reason = reason
    }

    public var description: String {
        let shown = text.count > 40 ? text.prefix(40) + "…" : text[...]
        return switch reason {
        case .length(let bytes):
            "The \(kind) '\(shown)' has \(bytes) bytes; use 1 to \(Limits.nameBytes) bytes of UTF-8."
        case .controlCharacter:
            "The \(kind) '\(shown.debugDescription)' has a control character; use printable text."
        case .reserved(let prefix):
            "The \(kind) '\(shown)' begins with '\(prefix)', which is kept for the store's own streams; choose another."
        case .dash:
            "The \(kind) '\(shown)' has a '-', at which the category of a stream ends; use what comes before it."
        }
    }
}
