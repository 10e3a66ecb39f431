import DaybookCore

/// The events inside the boundary of a command, folded.
struct BoundaryFold<D: BoundaryDecider>: Sendable {
    enum Failure: Error {
        case read(ReadError)
        case undecodable(EventDecodingError)
    }

    let query: EventQuery
    private(set) var state: D.State
    /// Nothing inside the boundary up to here is missing in the state.
    private(set) var position: Position = .start

    init(for command: D.Command) {
        query = D.boundary(of: command)
        state = D.initialState(for: command)
    }

    /// That nothing was added inside the boundary since; nil when nothing can be.
    var condition: AppendCondition? {
        query.items.isEmpty ? nil : AppendCondition(failIfEventsMatch: query, after: position)
    }

    /// Folds what was added inside the boundary.
    ///
    /// - Parameter end: Events behind it are left out; nil to go to the head of the log.
    mutating func extend(
        in store: any EventStore, through end: Position? = nil, reader: any EventReader<D.Event>
    ) async throws(Failure) {
        while end.map({ position < $0 }) ?? true {
            guard !Task.isCancelled else { throw .read(.cancelled) }
            let page: LogPage
            do {
                page = try await store.readPage(
                    from: .after(position), direction: .forward, filter: EventFilter(query: query),
                    limit: end.map { min(Limits.eventsPerPage, Int($0.rawValue - position.rawValue)) }
                        ?? Limits.eventsPerPage)
            } catch {
                throw .read(error)
            }
            for recorded in page.events {
                if let end, recorded.position > end { break }
                do {
                    try reader.decode(recorded) { D.evolve(&state, with: $0, of: recorded.stream) }
                } catch {
                    throw .undecodable(error)
                }
            }
            position = max(position, page.scannedThrough)
            if let end { position = min(position, end) }
            if page.isAtEnd { return }
        }
    }
}
