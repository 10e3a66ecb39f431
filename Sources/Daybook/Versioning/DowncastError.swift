import DaybookCore

/// Why an event could not be given the shape of an older schema.
public enum DowncastError: Error, Equatable, CustomStringConvertible {
    /// Today's program cannot read the event.
    case undecodable(EventDecodingError)
    case noDowncaster(type: EventType, from: UInt32, position: Position)
    /// The older shape cannot say what the event says.
    case notExpressible(type: EventType, version: UInt32, position: Position, reason: String)

    public var description: String {
        switch self {
        case .undecodable(let error): error.description
        case .noDowncaster(let type, let version, let position):
            "Event '\(type)' at position \(position) has version \(version), and no downcaster leads from there: add "
                + "Downcaster(\"\(type)\", from: \(version)) { data in … }."
        case .notExpressible(let type, let version, let position, let reason):
            "Event '\(type)' at position \(position) cannot be said in version \(version): \(reason)"
        }
    }
}
