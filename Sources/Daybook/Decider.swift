import DaybookCore

/// Decides events from a command, and evolves a state from events: an aggregate as pure functions.
///
/// A decider has no clock, no randomness and no I/O, and is not asynchronous: what a command needs from outside is in
/// the command. It is tested with `Scenario` and run by ``CommandHandler``.
public protocol Decider {
    associatedtype State: Sendable
    associatedtype Command: Sendable
    associatedtype Event: DomainEvent
    /// The domain's no: why a command is not carried out.
    associatedtype Rejection: Error & Sendable

    /// The state of a subject of which nothing is known.
    static var initialState: State { get }

    /// What happens because of a command; nothing when it has had its effect already. More events than
    /// ``Limits/eventsPerAppend`` are refused, and none of them recorded.
    static func decide(_ command: Command, in state: State) throws(Rejection) -> [Event]

    /// Raise it with every change of ``evolve(_:with:)`` that makes another state of the same events: snapshots made
    /// before are then passed over. 1 unless said otherwise.
    static var foldVersion: Int { get }

    /// The tags of every event of a subject, beside those of the event itself: so that a decision over several subjects
    /// finds all of them, and none can be forgotten.
    ///
    /// ```swift
    /// static func tags(ofSubject id: String) -> [Tag] { [Tags.account(id)] }
    /// ```
    static func tags(ofSubject id: String) -> [Tag]

    /// Takes an event into account. What happened, happened: no decisions here.
    static func evolve(_ state: inout State, with event: Event)
}

extension Decider {
    public static var foldVersion: Int { 1 }
    public static func tags(ofSubject id: String) -> [Tag] { [] }
}
