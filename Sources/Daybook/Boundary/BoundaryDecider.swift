import DaybookCore

/// Decides on the events of several subjects at once: a rule that no stream alone can keep.
///
/// A command draws a boundary, a query by tags. Everything inside is folded into one state, the decision is taken on it,
/// and its events are recorded only if nothing was added inside the boundary meanwhile. What lies outside does not
/// matter, and is not in the way. The idea is that of the dynamic consistency boundary: https://dcb.events
///
/// ```swift
/// enum Enrolment: BoundaryDecider {
///     static func boundary(of command: Command) -> EventQuery {
///         EventQuery(items: [
///             .init(tags: [Tags.course(command.course)]), .init(tags: [Tags.student(command.student)]),
///         ])
///     }
///     …
/// }
/// ```
///
/// Types may be left open in the boundary, so that none is forgotten; naming them makes fewer commands conflict.
/// Like a ``Decider`` it is pure. It is run by a ``BoundaryHandler``.
public protocol BoundaryDecider {
    associatedtype State: Sendable
    associatedtype Command: Sendable
    /// What is folded: one domain's events, or an ``EventUnion`` of several.
    associatedtype Event: ReadableEvent
    associatedtype Rejection: Error & Sendable

    /// The events that a decision on a command depends on.
    static func boundary(of command: Command) -> EventQuery

    /// The state before the first event.
    static func initialState(for command: Command) -> State

    /// What happens because of a command, and in which streams; nothing when it has had its effect already. More events
    /// than ``Limits/eventsPerAppend`` are refused, and none of them recorded.
    static func decide(_ command: Command, in state: State) throws(Rejection) -> [PlacedEvent]

    /// Takes an event inside the boundary into account.
    ///
    /// - Parameter stream: Where it is recorded, which often names its subject.
    static func evolve(_ state: inout State, with event: Event, of stream: StreamName)
}
