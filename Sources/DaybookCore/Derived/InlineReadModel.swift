/// A read model that changes in the transaction of the append itself: consistent with the write by construction, at the
/// price of its work on every append.
///
/// Stores that offer it take inline read models when they are opened. Nothing else may change one, or delete it, meanwhile.
public protocol InlineReadModel: Sendable {
    var name: ReadModelName { get }
    /// Which events it sees. Tags, categories and types narrow the work.
    var filter: EventFilter { get }
    /// Changes documents for the events of one append that pass the filter.
    ///
    /// - Throws: An error refuses the whole append, with ``AppendError/refused(by:reason:)``.
    func apply(_ events: [RecordedEvent], to documents: inout any InlineDocuments) throws
}
