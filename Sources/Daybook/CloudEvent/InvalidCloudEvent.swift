/// What was received is no event of CloudEvents 1.0.
public struct InvalidCloudEvent: Error, Equatable, CustomStringConvertible {
    public enum Reason: Sendable, Equatable {
        /// Neither the binary nor the structured form; what was found.
        case unknownForm(String)
        /// No JSON object where one was to be; why.
        case notJSON(String)
        /// Another version than 1.0.
        case version(String)
        /// The attribute that is not there.
        case missing(String)
        /// The attribute that has no text.
        case empty(String)
        /// An attribute, and what is wrong with it.
        case malformed(String, String)
    }

    public let reason: Reason

    public init(_ reason: Reason) { self.reason = reason }

    public var description: String {
        switch reason {
        case .unknownForm(let found): "It is no cloud event, neither in the binary form nor in JSON: \(found)"
        case .notJSON(let why): "It is no cloud event in JSON: \(why)"
        case .version(let version): "It is a cloud event of version '\(version)'; 1.0 is understood."
        case .missing(let name): "The cloud event has no attribute '\(name)'."
        case .empty(let name): "The cloud event's attribute '\(name)' is empty."
        case .malformed(let name, let why): "The cloud event's attribute '\(name)' is malformed: \(why)"
        }
    }
}
