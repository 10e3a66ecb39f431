import DaybookCore
import DaybookTesting

/// A store of which the log cannot be read, though streams and receipts can.
struct UnreadableLog: ForwardingStore {
    let base: any EventStore
    let error: ReadError

    func readPage(
        from cursor: LogCursor, direction: ReadDirection, filter: EventFilter, limit: Int
    ) async throws(ReadError) -> LogPage { throw error }
}
