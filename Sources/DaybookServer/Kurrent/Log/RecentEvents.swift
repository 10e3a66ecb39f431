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

    /// Remembers the events of one append, whose last one is at a version and position.
    func remember(
        _ ids: some Collection<EventID>, in stream: StreamName, endingAt version: StreamVersion, _ position: Position
    ) {
        let first = Int64(1 - ids.count)
        state.withLock { state in
            for (index, id) in ids.enumerated() {
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
