import Daybook
import DaybookCore

extension SQLProjectionRunner: LogFollower {
    package struct Place: LogPlace {
        package var saved: Position
        package var reached: Position
        /// Where the runner stops, if before the end of the log.
        var end: Position?
    }

    package func startingPlace() async throws(ProjectionError) -> Place {
        let position = try await checkpoint().position
        progress.start(at: position)
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
        let end = place.end ?? .init(.max)
        let events = page.events.prefix { $0.position <= end }.map { DecodedEvent<P>($0, by: reader) }
        let scanned = min(page.scannedThrough, end)
        try await apply(events[...], through: scanned, &place)
        place.reached = max(place.reached, scanned)
        if place.reached.rawValue - place.saved.rawValue >= Self.unsavedPositions { try await save(&place) }
        progress.reach(place.reached)
        return page.isAtEnd || page.scannedThrough >= end
    }

    package func save(_ place: inout Place) async throws(ProjectionError) {
        guard place.reached > place.saved else { return }
        _ = try await commit([], from: place.saved, to: place.reached)
        place.saved = place.reached
    }
}
