#if Server
import DaybookCore

/// A stream as its readers know it, be it recorded or made from the index: what reads, subscriptions and persistent
/// subscriptions take their events from.
///
/// ```swift
/// let source = try log.source(of: "$ce-order")
/// let interest = signals.interest(in: source.subject)
/// var cursor = try await source.following(.start)
/// while true {
///     let seen = interest.count
///     let page = try await source.nextPage(at: cursor, limit: KurrentPage.limit, resolvesLinks: true)
///     cursor = page.next
///     …
///     if page.isAtEnd { try await interest.wait(beyond: seen) }
/// }
/// ```
///
/// All of it throws ``KurrentFailure/streamDeleted(_:)`` when the stream was deleted for good, and `ReadError`.
protocol KurrentSource: Sendable {
    /// What wakes those who follow the stream.
    var subject: StreamSignals.Subject { get }

    /// A page as one that reads once sees it.
    ///
    /// - Parameter limit: At most this many events, and at most ``KurrentPage/limit``. 0 asks whether there is such a stream.
    func page(
        from cursor: KurrentCursor, direction: ReadDirection, limit: Int, resolvesLinks: Bool
    ) async throws -> KurrentPage

    /// The last revision ever given; nil when there is none.
    func lastRevision() async throws -> Int64?

    /// Where somebody begins who follows the stream: behind a revision, at the first event, or behind the last.
    func following(_ start: ReadOptions.Start) async throws -> KurrentCursor

    /// Where somebody goes on who has seen the log up to a position: what a checkpoint is worth that outlives the revisions of a
    /// stream that is made from the index.
    func following(after position: Position) async throws -> KurrentCursor

    /// What comes next for somebody who follows the stream.
    func nextPage(at cursor: KurrentCursor, limit: Int, resolvesLinks: Bool) async throws -> KurrentPage

    /// Up to where in the log all events of the stream can be read by now.
    func knownThrough() async throws -> Position

    /// The event that says that the stream is deleted for good; nil when it is not.
    func farewell() async throws -> KurrentEvent?
}
#endif
