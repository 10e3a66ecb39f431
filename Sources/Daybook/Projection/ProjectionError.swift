import DaybookCore

/// Why a projection stopped. Its read model stands where it was before, and goes on from there when it is run again.
public enum ProjectionError: Error, Equatable, CustomStringConvertible {
    /// Which event a projection could not take into account.
    public struct Place: Sendable, Equatable {
        public var type: EventType
        public var stream: StreamName
        public var version: StreamVersion
        public var position: Position

        package init(_ event: RecordedEvent) {
            type = event.type
            stream = event.stream
            version = event.version
            position = event.position
        }
    }

    /// An event that this program cannot read.
    case undecodable(EventDecodingError)
    /// The projection's own code threw.
    case failed(at: Place, reason: String)
    /// A stored document does not have the shape of the projection's documents.
    case unreadableDocument(key: String, model: ReadModelName, reason: String)
    /// A document cannot be written as JSON.
    case unwritableDocument(key: String, model: ReadModelName, reason: String)
    /// More keys have failed than the policy allows: something is wrong with the projection rather than with an event.
    case tooManyParkedKeys(limit: Int, at: Place, reason: String)
    /// The key to be resumed is not parked.
    case keyNotParked(String)
    /// An event has two keys that are equal as texts and not in their bytes, so that they cannot be told apart.
    case twinKeys(String, at: Place)
    /// The projection uses a key that begins with U+001F, as the library's own do.
    case reservedKey(String)
    case read(ReadError)
    /// The read model could not be read or saved; or another runner moved it.
    case store(DerivedStateError)
    case cancelled

    public var description: String {
        switch self {
        case .undecodable(let error): "The projection stopped before position \(error.position). \(error)"
        case .failed(let place, let reason):
            "The projection stopped before event '\(place.type)' at version \(place.version) of stream "
                + "'\(place.stream)' (position \(place.position)): \(reason)"
        case .unreadableDocument(let key, let model, let reason):
            "Document '\(key)' of read model '\(model)' has another shape (\(reason)): delete the read model, or give "
                + "the projection a new name; it is made again from the log."
        case .unwritableDocument(let key, let model, let reason):
            "Document '\(key)' of read model '\(model)' cannot be written as JSON: \(reason)"
        case .tooManyParkedKeys(let limit, let place, let reason):
            "The projection stopped before event '\(place.type)' at version \(place.version) of stream '\(place.stream)' "
                + "(position \(place.position)), since \(limit) keys are parked already: mend it, and resume them. \(reason)"
        case .keyNotParked(let key): "Key '\(key)' is not parked: look at the list of parked keys."
        case .twinKeys(let key, let place):
            "The event '\(place.type)' at position \(place.position) has the key '\(key)' in two normal forms: bring keys "
                + "into one."
        case .reservedKey(let key):
            "The key \(key.debugDescription) begins with U+001F, as the library's own do: let the projection use another."
        case .read(let error): error.description
        case .store(let error): error.description
        case .cancelled: "The projection was cancelled."
        }
    }
}

extension ProjectionError {
    package init(_ error: ReadError) { self = error == .cancelled ? .cancelled : .read(error) }
    init(_ error: DerivedStateError) { self = error == .cancelled ? .cancelled : .store(error) }
}
