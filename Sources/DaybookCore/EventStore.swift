/// A durable record of events, grouped into streams and ordered across them.
///
/// ```swift
/// let end = try await store.append(events, to: "account-42", expecting: .version(7))
/// for try await event in store.events(of: "account-42") { … }
/// ```
///
/// What a store promises is written down as laws, in `DaybookTesting`: an acknowledged append survives a crash, a
/// position is visible only when every lower one is, a retry writes nothing twice, and an append is never half there.
/// Every store passes all of them.
public protocol EventStore: Sendable {
    /// Changes the log: all of the request, or none of it.
    ///
    /// The events are durable, and visible to every reader, when this returns. What a caller may repeat when a reply
    /// was lost:
    /// - A request with a command identifier, for ever: the store answers with the first result, also when the events
    ///   had been recorded without the command. The identifier with other streams, or with events of other types, data
    ///   or tags, is an error. (Event identifiers, metadata and expectations may differ, since a retry often decides
    ///   anew.)
    /// - A request with the same event identifiers at the same expected version (`.noStream` or `.version`), for ever.
    /// - A request with the same event identifiers at `.any` or `.streamExists`, as long as nothing else was appended
    ///   to the stream.
    ///
    /// Cancelling the task ends the wait, never half of the write.
    ///
    /// - Returns: The last version of each stream and the position of the last event.
    /// - Throws: ``AppendError``, which says whether anything was written.
    /// - Complexity: O(bytes appended), whatever the length of the streams or of the log.
    @discardableResult
    func append(_ request: AppendRequest) async throws(AppendError) -> AppendResult

    /// Reads a page of one stream: the events that its retention leaves visible.
    ///
    /// A stream that does not exist, or is deleted, has no events; the page's state tells which.
    ///
    /// - Parameter limit: 1 to ``Limits/eventsPerPage``. A page also ends at ``Limits/pageBytes``.
    /// - Complexity: O(events returned), whatever the length of the stream.
    func readPage(
        of stream: StreamName, from cursor: StreamCursor, direction: ReadDirection, limit: Int
    ) async throws(ReadError) -> StreamPage

    /// Reads a page of the whole log, in the order of positions.
    ///
    /// A filtered page may be empty although more events fit: go on behind ``LogPage/scannedThrough``.
    ///
    /// - Parameter limit: 1 to ``Limits/eventsPerPage``. A page also ends at ``Limits/pageBytes``, and after
    ///   ``Limits/eventsScannedPerPage``.
    func readPage(
        from cursor: LogCursor, direction: ReadDirection, filter: EventFilter, limit: Int
    ) async throws(ReadError) -> LogPage

    /// The state of a stream: whether it exists, its last version, its retention.
    func state(of stream: StreamName) async throws(ReadError) -> StreamState

    /// The names of streams that have events, in the order in which they were first written (their events or their
    /// settings), deleted ones too, control streams not.
    ///
    /// - Parameters:
    ///   - after: Goes on behind this stream; from the first when nil or unknown.
    ///   - limit: 1 to ``Limits/eventsPerPage``.
    func streams(after: StreamName?, limit: Int) async throws(ReadError) -> [StreamName]

    /// The first result of a command, or nil when the store has recorded none.
    func receipt(for command: CommandID) async throws(ReadError) -> AppendResult?

    /// The position of the last event that readers see; `.start` when the log is empty.
    func head() async throws(ReadError) -> Position

    /// Waits until the log reaches beyond a position, and returns its head then.
    ///
    /// Returns at once when it is beyond already. This is the signal that wakes a live subscription.
    func head(beyond position: Position) async throws(ReadError) -> Position
}
