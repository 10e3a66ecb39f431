import DaybookCore

/// Writes the whole log as event lines, the store's own events too; see ``EventLine``.
struct LogExport {
    static let eventsPerPage = 2_000

    let store: any EventStore

    /// - Returns: How many events were written.
    func run(progress: (Position, Position) -> Void, write: ([UInt8]) async throws -> Void) async throws -> Int {
        let head = try await store.head()
        var position = Position.start
        var count = 0
        while position < head {
            let page = try await store.readPage(
                from: .after(position), direction: .forward, filter: .everything, limit: Self.eventsPerPage)
            var bytes: [UInt8] = []
            bytes.reserveCapacity(page.events.count * 512)
            for event in page.events where event.position <= head {
                bytes += EventLine.encode(event)
                count += 1
            }
            if !bytes.isEmpty { try await write(bytes) }
            position = page.scannedThrough
            progress(position, head)
            if page.isAtEnd { break }
        }
        return count
    }
}
