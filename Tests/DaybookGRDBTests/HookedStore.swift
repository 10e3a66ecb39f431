import DaybookCore
import DaybookTesting

/// A store on which something else happens after each page of the log is read.
struct HookedStore: ForwardingStore {
    let base: any EventStore
    let afterPage: @Sendable () async -> Void

    func readPage(
        from cursor: LogCursor, direction: ReadDirection, filter: EventFilter, limit: Int
    ) async throws(ReadError) -> LogPage {
        let page = try await base.readPage(from: cursor, direction: direction, filter: filter, limit: limit)
        await afterPage()
        return page
    }
}
