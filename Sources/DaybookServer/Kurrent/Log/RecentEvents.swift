#if Server
import DaybookCore
import Synchronization

/// Where the identifiers of recent events were recorded: a client that expects nothing of a stream, and repeats an append, is
/// told the result of the first time as long as they are remembered here.
final class RecentEvents: Sendable {
    struct Place: Sendable, Equatable {
        let stream: StreamName
        let version: StreamVersion
        let position: Position
    }

    private struct State {
        var places: [EventID: Place] = [:]
        /// The identifiers in the order in which they came, as a ring.
        var order: [EventID] = []
        var next = 0
        /// The last position of all events that were remembered.
        var latest = Position.start
        /// The first events of appends of which nobody knows whether they were recorded, and where they are not.
        var doubts: [EventID: Position] = [:]
    }

    /// How many events are remembered; about 100 bytes each.
    let capacity: Int
    private let state = Mutex(State())

    init(capacity: Int = 100_000) { self.capacity = capacity }

    func place(of id: EventID, in stream: StreamName) -> Place? {
        state.withLock { state in
            guard let place = state.places[id], place.stream == stream else { return nil }
            return place
        }
    }

    /// What is appended from now on is behind this position.
    var latest: Position { state.withLock(\.latest) }

    /// Nobody knows whether an append that begins with an event was recorded: not up to a position, if it was.
    func doubt(_ id: EventID, after position: Position) {
        state.withLock { state in
            if state.doubts.count >= capacity { state.doubts = [:] }
            state.doubts[id] = position
        }
    }

    /// Behind which position the event is, if it was recorded; nil when that is known of it, or nothing is.
    func doubt(of id: EventID) -> Position? { state.withLock { $0.doubts[id] } }

    /// Remembers the events of one append, whose last one is at a version and position.
    func remember(
        _ ids: some Collection<EventID>, in stream: StreamName, endingAt version: StreamVersion, _ position: Position
    ) {
        let first = Int64(1 - ids.count)
        state.withLock { state in
            state.latest = max(state.latest, position)
            for (index, id) in ids.enumerated() {
                state.doubts[id] = nil
                let offset = first + Int64(index)
                let place = Place(
                    stream: stream, version: StreamVersion(version.rawValue + offset),
                    position: Position(position.rawValue + offset))
                guard state.places.updateValue(place, forKey: id) == nil else { continue }
                if state.order.count < capacity {
                    state.order.append(id)
                } else {
                    state.places[state.order[state.next]] = nil
                    state.order[state.next] = id
                    state.next = (state.next + 1) % capacity
                }
            }
        }
    }
}
#endif
