import DaybookCore

/// What one event made of a document.
public struct DocumentChange<Document: Sendable>: Sendable {
    public var event: RecordedEvent
    /// The document before the event; nil when there was none.
    public var before: Document?
    /// The document after it; nil when the event deleted it.
    public var after: Document?

    public init(event: RecordedEvent, before: Document?, after: Document?) {
        self.event = event
        self.before = before
        self.after = after
    }
}

extension DocumentChange: Equatable where Document: Equatable {}
