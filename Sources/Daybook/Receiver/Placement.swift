import DaybookCore

/// Where a received event belongs in the log, and what is recorded.
public struct Placement: Sendable {
    public var stream: StreamName
    public var event: NewEvent

    public init(stream: StreamName, event: NewEvent) {
        self.stream = stream
        self.event = event
    }
}
