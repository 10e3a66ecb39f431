#if Server
import DaybookCore

extension AccessChanges {
    /// Notes what others record, who have the same store open beside the server: another server, or ``ServerUsers`` of the
    /// program that this one runs in. Ends when the task is cancelled.
    ///
    /// - Parameter interval: How often it looks.
    func follow(_ store: any EventStore, each interval: Duration) async {
        var position = Position.start
        var isKnown = false
        while (try? await Task.sleep(for: interval)) != nil {
            do {
                if !isKnown {
                    position = try await store.head()
                    isKnown = true
                    noteEverything()  // Of what was remembered before, something may be another by now.
                } else if try await store.head() > position {
                    position = try await noteRecorded(in: store, behind: position)
                }
            } catch {
                isKnown = false
            }
        }
    }

    /// What decides, and the store's own record of these streams: their deletions, and retentions that hide what they say.
    private static let followed = EventFilter(
        categories: ["$metadata", "$user", "$settings", "$$$metadata", "$$$user", "$$$settings"],
        includesControlEvents: true)

    /// Notes what was recorded behind a position.
    ///
    /// - Returns: The position up to which was looked.
    func noteRecorded(in store: any EventStore, behind position: Position) async throws(ReadError) -> Position {
        var position = position
        while true {
            let page = try await store.readPage(
                from: .after(position), direction: .forward, filter: Self.followed, limit: 1_000)
            let streams = Self.deciding(in: page.events)
            if !streams.isEmpty { note(streams) }
            position = max(position, page.scannedThrough)
            if page.isAtEnd { return position }
        }
    }
}
#endif
