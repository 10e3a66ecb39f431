import DaybookCore

/// Names an event by its place: `book-ALDER@1234`. The causation identifier of what follows from that event.
public struct EventReference: Sendable, Hashable, CustomStringConvertible {
    public var stream: StreamName
    public var version: StreamVersion

    public init(stream: StreamName, version: StreamVersion) {
        self.stream = stream
        self.version = version
    }

    public var description: String { "\(stream)@\(version)" }
}
