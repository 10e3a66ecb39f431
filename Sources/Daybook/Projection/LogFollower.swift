import DaybookCore

/// How far a ``LogFollower`` has come.
package protocol LogPlace {
    /// What the checkpoint says.
    var saved: Position { get }
    /// Nothing that counts lies between the checkpoint and here.
    var reached: Position { get }
}

/// What follows the log page by page, and saves how far it has come when pages had nothing for it: the loop that the
/// runners of projections share, whatever they write to.
package protocol LogFollower: Sendable {
    associatedtype Place: LogPlace

    var log: any EventStore { get }
    /// How long the checkpoint may stay behind when nothing else is to be saved.
    var saveInterval: Duration { get }
    var clock: any Clock<Duration> { get }
    var progress: ProjectionProgress { get }

    func startingPlace() async throws(ProjectionError) -> Place

    /// Takes the next page into account.
    ///
    /// - Returns: Whether the page reached the end of the log.
    func step(_ place: inout Place) async throws(ProjectionError) -> Bool

    /// Saves a checkpoint that has moved, when it has.
    func save(_ place: inout Place) async throws(ProjectionError)
}

extension LogFollower {
    /// The positions that the checkpoint may stay behind before it is saved on its own.
    package static var unsavedPositions: Int64 { 10_000 }

    /// Follows the log until the task is cancelled, then returns.
    package func follow() async throws(ProjectionError) {
        progress.begin()
        do {
            try await follow(clock)
        } catch .cancelled {
            return
        } catch {
            progress.fail(error)
            throw error
        }
    }

    private func follow<C: Clock>(_ clock: C) async throws(ProjectionError) where C.Duration == Duration {
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

    /// Takes everything into account that is recorded now, and returns the position reached.
    ///
    /// - Parameter prepare: Told the place at which it starts.
    package func takeAll(
        _ report: (Position, Position) -> Void, startingAt prepare: (inout Place) -> Void = { _ in }
    ) async throws(ProjectionError) -> Position {
        progress.begin()
        do throws(ProjectionError) {
            var place = try await startingPlace()
            prepare(&place)
            let head: Position
            do { head = try await log.head() } catch { throw ProjectionError(error) }
            report(place.reached, head)
            while try await !step(&place) { report(place.reached, max(head, place.reached)) }
            report(place.reached, max(head, place.reached))
            try await save(&place)
            return place.reached
        } catch {
            if error != .cancelled { progress.fail(error) }
            throw error
        }
    }
}
