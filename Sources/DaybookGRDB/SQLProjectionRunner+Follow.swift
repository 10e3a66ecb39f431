import Daybook
import DaybookCore

extension SQLProjectionRunner {
    /// How far the projection has come.
    struct Place {
        /// What the checkpoint says.
        var saved: Position
        /// Nothing that the projection applies lies between the checkpoint and here.
        var reached: Position
    }

    /// The positions that the checkpoint may stay behind before it is saved without rows.
    private static var unsavedPositions: Int64 { 10_000 }

    func follow<C: Clock>(_ clock: C) async throws(ProjectionError) where C.Duration == Duration {
        var place = try await startingPlace()
        var deadline: C.Instant?
        while true {
            let isAtEnd = try await step(&place)
            if place.reached == place.saved {
                deadline = nil
            } else if let due = deadline, clock.now >= due {
                try await save(&place)
                deadline = nil
            } else if deadline == nil {
                deadline = clock.now.advanced(by: saveInterval)
            }
            if isAtEnd {
                do { try await log.waitForHead(beyond: place.reached, until: deadline, on: clock) } catch {
                    throw ProjectionError(error)
                }
            }
        }
    }

    func catchUpOnce(_ report: (Position, Position) -> Void) async throws(ProjectionError) -> Position {
        var place = try await startingPlace()
        let head: Position
        do { head = try await log.head() } catch { throw ProjectionError(error) }
        report(place.reached, head)
        while try await !step(&place) { report(place.reached, max(head, place.reached)) }
        report(place.reached, max(head, place.reached))
        try await save(&place)
        return place.reached
    }

    private func startingPlace() async throws(ProjectionError) -> Place {
        let position = try await savedPosition()
        progress.reach(position)
        return Place(saved: position, reached: position)
    }

    /// Takes the next page into account.
    ///
    /// - Returns: Whether the page reached the end of the log.
    private func step(_ place: inout Place) async throws(ProjectionError) -> Bool {
        guard !Task.isCancelled else { throw .cancelled }
        let page: LogPage
        do {
            page = try await log.readPage(
                from: .after(place.reached), direction: .forward, filter: projection.filter, limit: batchSize)
        } catch {
            throw ProjectionError(error)
        }
        let batch = decode(page.events)
        try await apply(batch.events[...], through: batch.failure == nil ? page.scannedThrough : nil, &place)
        if let failure = batch.failure { throw failure }
        place.reached = max(place.reached, page.scannedThrough)
        if place.reached.rawValue - place.saved.rawValue >= Self.unsavedPositions { try await save(&place) }
        progress.reach(place.reached)
        return page.isAtEnd
    }

    /// Saves a checkpoint that has moved without rows.
    private func save(_ place: inout Place) async throws(ProjectionError) {
        guard place.reached > place.saved else { return }
        _ = try await commit([], from: place.saved, to: place.reached)
        place.saved = place.reached
    }

    /// Decodes events until there are no more, or one fails.
    private func decode(_ page: [RecordedEvent]) -> (events: [DecodedEvent], failure: ProjectionError?) {
        var events: [DecodedEvent] = []
        events.reserveCapacity(page.count)
        for recorded in page {
            do { events.append(DecodedEvent(recorded: recorded, events: try reader.decode(recorded))) } catch {
                return (events, .undecodable(error))
            }
        }
        return (events, nil)
    }
}
