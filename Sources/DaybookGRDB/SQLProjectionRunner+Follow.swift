import Daybook
import DaybookCore

extension SQLProjectionRunner: LogFollower {
    package struct Place: LogPlace {
        package var saved: Position
        package var reached: Position
    }

    package func startingPlace() async throws(ProjectionError) -> Place {
        let position = try await savedPosition()
        progress.reach(position)
        return Place(saved: position, reached: position)
    }

    package func step(_ place: inout Place) async throws(ProjectionError) -> Bool {
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

    package func save(_ place: inout Place) async throws(ProjectionError) {
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
