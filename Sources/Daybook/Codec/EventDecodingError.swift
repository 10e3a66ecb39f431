import DaybookCore

/// A recorded event that this program cannot read, and where it stands.
public struct EventDecodingError: Error, Equatable, CustomStringConvertible {
    public enum Cause: Sendable, Equatable {
        /// No case of the event's enum has this type.
        case unknownType
        /// The event was written by a newer program; the newest schema version that this one knows.
        case newerSchema(known: UInt32)
        /// An upcaster threw, or upcasters go round in a circle.
        case notLifted(reason: String)
        /// It cannot be given the version that a receiver knows.
        case notLowered(reason: String)
        /// The data does not have the shape of its type.
        case undecodableData(reason: String)
    }

    public let type: EventType
    public let schemaVersion: UInt32
    public let stream: StreamName
    public let version: StreamVersion
    public let position: Position
    /// The Swift type that the event was to become.
    public let target: String
    public let cause: Cause

    public init(_ event: RecordedEvent, as target: String, cause: Cause) {
        type = event.type
        schemaVersion = event.schemaVersion
        stream = event.stream
        version = event.version
        position = event.position
        self.target = target
        self.cause = cause
    }

    public var description: String {
        let place = "Event '\(type)' at version \(version) of stream '\(stream)' (position \(position))"
        return switch cause {
        case .unknownType:
            "\(place) is no case of \(target): run a program that knows this type, or leave it out by a filter."
        case .newerSchema(let known):
            "\(place) has schema version \(schemaVersion), and \(target) knows up to \(known): run the newer program."
        case .notLifted(let reason):
            "\(place) could not be lifted to today's \(target): \(reason)"
        case .notLowered(let reason): reason
        case .undecodableData(let reason):
            "\(place) does not have the shape of \(target): \(reason)"
        }
    }
}
