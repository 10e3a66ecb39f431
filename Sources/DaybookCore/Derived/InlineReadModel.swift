/// A read model that changes in the transaction of the append itself: consistent with the write by construction, at the
/// price of its work on every append.
///
/// Stores that offer it take inline read models when they are opened.
public protocol InlineReadModel: Sendable {
    var name: ReadModelName { get }
    /// Which events it sees. Tags, categories and types narrow the work.
    var filter: EventFilter { get }
    /// Changes documents for the events of one append that pass the filter.
    ///
    /// - Throws: An error refuses the whole append, with ``AppendError/refused(by:reason:)``.
    func apply(_ events: [RecordedEvent], to documents: inout any InlineDocuments) throws
}

/// The documents of an inline read model, as its transaction sees them.
public protocol InlineDocuments {
    mutating func document(_ key: String) throws -> [UInt8]?
    /// Nil deletes the document.
    mutating func set(_ data: [UInt8]?, for key: String) throws
}
