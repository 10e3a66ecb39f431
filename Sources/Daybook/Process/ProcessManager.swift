import DaybookCore

/// Follows events, and makes something happen because of them that takes several steps: a business process, as pure
/// functions.
///
/// ```swift
/// enum Fulfilment: ProcessManager {
///     static let category: Category = "fulfilment"
///
///     static func processIDs(for input: OrderEvent, recorded: RecordedEvent) -> [String] { [input.order] }
///
///     static func react(
///         to input: OrderEvent, in state: State
///     ) -> [ProcessAction<FulfilmentEvent, StockCommand>] {
///         switch input {
///         case .placed(let order):
///             [.record(.started), .send(.reserve(order)), .setDeadline("payment", after: .seconds(900))]
///         case .paid(let order): state.isOpen ? [.cancelDeadline("payment"), .send(.ship(order))] : []
///         }
///     }
///     …
/// }
/// ```
///
/// Each process has a stream of its own, with its events, its deadlines, and the commands that it sent. An input has its
/// effect once, a deadline passes once, and a command is sent under one identifier however often it is tried, so that
/// it takes effect once. It is run by a ``ProcessRunner``.
///
/// Like a ``Decider`` it has no clock and no I/O: what it waits for is a deadline, and what it does is a command.
/// To undo a step that was done before one that fails, send the command that makes up for it (a saga's compensation).
public protocol ProcessManager: SendableMetatype {
    /// What it follows: one domain's events, or an ``EventUnion`` of several.
    associatedtype Input: ReadableEvent
    associatedtype State: Sendable
    /// Its own events. Their ``DomainEvent/typePrefix`` is not `process`, which is the runner's.
    associatedtype Event: DomainEvent
    /// What it asks of others. It is recorded as JSON before it is sent.
    associatedtype Command: Codable & Sendable

    /// The first part of the processes' streams, before their identifiers.
    static var category: Category { get }

    /// The inputs; the store passes over the others. By default those whose type is one of `Input`'s.
    static var filter: EventFilter { get }

    /// The state of a process that has not begun.
    static var initialState: State { get }

    /// The processes that an input concerns; none when it concerns none.
    ///
    /// - Throws: Stops the runner before this input.
    static func processIDs(for input: Input, recorded: RecordedEvent) throws -> [String]

    /// What follows from an input: for all of its processes together fewer events, commands and deadlines than
    /// ``Limits/eventsPerAppend``, since they are recorded by one append. More of them stop the runner before this input,
    /// with ``ProcessError/append(_:)``.
    ///
    /// - Throws: Stops the runner before this input.
    static func react(to input: Input, in state: State) throws -> [ProcessAction<Event, Command>]

    /// What follows when a deadline has passed that was neither cancelled nor set anew.
    static func react(toDeadline name: String, in state: State) throws -> [ProcessAction<Event, Command>]

    /// What follows when a command that was sent is rejected by its subject.
    static func react(
        toRejectionOf command: Command, reason: String, in state: State
    ) throws -> [ProcessAction<Event, Command>]

    /// Takes an event of its own into account.
    static func evolve(_ state: inout State, with event: Event)
}

extension ProcessManager {
    public static var filter: EventFilter { EventFilter(Input.eventTypes) }

    public static func react(
        toDeadline name: String, in state: State
    ) throws -> [ProcessAction<Event, Command>] { [] }
}
