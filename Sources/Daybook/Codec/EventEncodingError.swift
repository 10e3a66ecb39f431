import DaybookCore

/// A domain event that cannot be written. Nothing was appended.
public struct EventEncodingError: Error, Equatable, CustomStringConvertible {
    public enum Cause: Sendable, Equatable {
        /// The event does not encode as one key with an object; the beginning of what it encodes as.
        case notOneCase(found: String)
        /// The case's coding key has a quote or a backslash.
        case unusableCaseName(String)
        /// The prefix and the case's name make no event type.
        case name(InvalidName)
        /// The event's own `encode(to:)`, or the encoder, refused a value.
        case unencodable(reason: String)
    }

    /// The Swift type of the event.
    public let event: String
    public let cause: Cause

    public init(event: String, cause: Cause) {
        self.event = event
        self.cause = cause
    }

    public var description: String {
        switch cause {
        case .notOneCase(let found):
            "An event of \(event) encodes as \(found), not as one case with its values, {\"case\":{…}}: make it an enum "
                + "without raw values, with the Codable conformance that the compiler writes."
        case .unusableCaseName(let name):
            "The case \(name) of \(event) has a quote or a backslash in its coding key: choose a key without."
        case .name(let error): "An event of \(event) has no usable type. \(error)"
        case .unencodable(let reason): "An event of \(event) cannot be written: \(reason)"
        }
    }
}
