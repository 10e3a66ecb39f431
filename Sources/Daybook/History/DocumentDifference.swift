import DaybookCore

/// A document, or a row, that is another at two moments, or in two versions of a read model.
public struct DocumentDifference<Document: Sendable>: Sendable {
    public enum Kind: Sendable, Hashable {
        case added, lost, changed
    }

    public var key: String
    /// Nil when the document was added.
    public var old: Document?
    /// Nil when the document was lost.
    public var new: Document?
    /// The events that explain it, oldest first: between two moments the last ones that changed it; between two versions the
    /// one at which they parted, and some that changed it since.
    public var causes: [RecordedEvent]

    public init(key: String, old: Document?, new: Document?, causes: [RecordedEvent] = []) {
        self.key = key
        self.old = old
        self.new = new
        self.causes = causes
    }

    public var kind: Kind { old == nil ? .added : new == nil ? .lost : .changed }
}

extension DocumentDifference: Equatable where Document: Equatable {}
