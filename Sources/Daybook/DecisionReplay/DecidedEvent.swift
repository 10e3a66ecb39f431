import DaybookCore

/// An event that came of a command on several subjects, and the stream that it goes to. Its tags are no part of it, since
/// those of old events are not lifted to today's.
public struct DecidedEvent<Event: Sendable>: Sendable {
    public var stream: StreamName
    public var event: Event

    public init(_ event: Event, in stream: StreamName) {
        self.stream = stream
        self.event = event
    }
}

extension DecidedEvent: Equatable where Event: Equatable {}
