import DaybookCore

/// An event in words, and where it is recorded.
public struct EventSummary: Sendable, Hashable, Codable {
    /// The event's place: `cash-T017@42`.
    public var event: String
    public var position: Position
    /// What happened.
    public var what: String

    /// - Throws: When this program cannot read the event.
    public init(_ recorded: RecordedEvent) throws {
        event = EventReference(stream: recorded.stream, version: recorded.version).description
        position = recorded.position
        what = try OrderStory.words(for: recorded)
    }
}
