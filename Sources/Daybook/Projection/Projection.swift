import DaybookCore

/// Folds events of the log into keyed documents: a read model for queries.
///
/// ```swift
/// struct Balances: Projection {
///     let name: ReadModelName = "balances"
///
///     func keys(for event: AccountEvent, recorded: RecordedEvent) -> [String] { [recorded.stream.rawValue] }
///
///     func apply(_ event: AccountEvent, recorded: RecordedEvent, key: String, to document: inout Balance?) {
///         switch event {
///         case .deposited(let amount): document = Balance(amount: (document?.amount ?? 0) + amount)
///         case .closed: document = nil
///         }
///     }
/// }
/// ```
///
/// A projection is pure: its documents depend on the events alone, so that they can be deleted and made again. It is
/// run by a ``ProjectionRunner`` and queried through a ``ReadModel``.
public protocol Projection: Sendable {
    /// What it folds: one domain's events, or an ``EventUnion`` of several.
    associatedtype Event: ReadableEvent
    associatedtype Document: Codable & Sendable

    /// Names the documents and their checkpoint. Another name is another read model, built from the log's start.
    var name: ReadModelName { get }

    /// The events that are folded; the store passes over the others. By default those whose type is one of
    /// ``Event``. An event that passes must be readable as an ``Event``.
    var filter: EventFilter { get }

    /// Where to find the events of one document: all those for which ``keys(for:recorded:)`` has the key, in fewer than
    /// ``filter`` gives, by a tag or a category. It makes ``ProjectionHistory`` fast; by default, all events are looked
    /// at.
    func filter(for key: String) -> EventFilter

    /// The documents that an event changes; none when it does not matter.
    ///
    /// - Throws: Is treated as an event that cannot be read: see ``keys(forUnreadable:)``.
    func keys(for event: Event, recorded: RecordedEvent) throws -> [String]

    /// The documents that an event would change which this program cannot read: all those that ``keys(for:recorded:)`` gives
    /// once it can be read; else resuming them is refused, since one that was left out has gone on without the event. Nil, or none, when that
    /// cannot be told, which stops the projection before the event whatever its ``ProjectionFailurePolicy``. By default nil.
    ///
    /// ```swift
    /// func keys(forUnreadable recorded: RecordedEvent) -> [String]? { [recorded.stream.rawValue] }
    /// ```
    func keys(forUnreadable recorded: RecordedEvent) -> [String]?

    /// Takes an event into account in one of its documents.
    ///
    /// - Parameter document: Nil when there is none yet; set it to nil to delete it.
    /// - Throws: Stops the projection before this event, or the document's key alone, as its runner's policy says.
    func apply(_ event: Event, recorded: RecordedEvent, key: String, to document: inout Document?) throws
}

extension Projection {
    public var filter: EventFilter {
        EventFilter(Event.eventTypes)
    }

    public func filter(for key: String) -> EventFilter { filter }

    public func keys(forUnreadable recorded: RecordedEvent) -> [String]? { nil }
}
