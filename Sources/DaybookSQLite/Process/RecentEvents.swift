import DaybookCore
import Synchronization

/// The events that were committed last, in memory: those who follow the log get them without a reading thread.
///
/// The writer keeps events here only while somebody waits for the head to move, or did a moment ago. Positions have no
/// gap. A reader holds the lock for as long as it takes to copy what it asked for.
final class RecentEvents: Sendable {
    static let mostEvents = 512
    static let mostBytes = 1 << 20

    private struct State {
        var events: [RecordedEvent] = []
        var bytes = 0
    }

    private let state = Mutex(State())

    /// Adds the events of a transaction that is durable, before readers are told of it.
    ///
    /// - Parameter last: The position that the transaction ended at. When the events do not reach up to it, none are kept.
    func add(_ events: [RecordedEvent], through last: Int64) {
        state.withLock { state in
            guard let first = events.first, events.last?.position.rawValue == last else {
                // What a transaction without events leaves is still the end of the log.
                if state.events.last?.position.rawValue != last { state = State() }
                return
            }
            if state.events.last?.position.next != first.position { state = State() }
            state.events += events
            for event in events { state.bytes += event.payloadBytes }
            guard state.events.count > Self.mostEvents || state.bytes > Self.mostBytes else { return }
            // Half of it at once, since what remains is moved. The last event stays, however large.
            var kept = state.events.count - 1
            var bytes = state.events[kept].payloadBytes
            while kept > 0, state.events.count - kept < Self.mostEvents / 2 {
                let next = state.events[kept - 1].payloadBytes
                if bytes + next > Self.mostBytes / 2 { break }
                kept -= 1
                bytes += next
            }
            state.events.removeFirst(kept)
            state.bytes = bytes
        }
    }

    func removeAll() { state.withLock { $0 = State() } }

    /// A page as ``LogReader`` would read it; nil when its first event is not here.
    func page(from position: Int64, filter: EventFilter, limit: Int, head: Int64) -> LogPage? {
        let events = state.withLock { state -> [RecordedEvent] in
            guard let first = state.events.first?.position.rawValue, position >= first, position <= head else {
                return []
            }
            let start = Int(position - first)
            let end = min(state.events.count, Int(head - first) + 1)
            return start < end ? Array(state.events[start..<end]) : []
        }
        guard !events.isEmpty else { return nil }
        var passing: [RecordedEvent] = []
        var bytes = 0
        var scanned = Position(position - 1)
        for event in events {
            scanned = event.position
            guard filter.matches(event) else { continue }
            passing.append(event)
            bytes += event.payloadBytes
            guard passing.count < limit, bytes < Limits.pageBytes else { break }
        }
        return LogPage(events: passing, scannedThrough: scanned, isAtEnd: scanned.rawValue >= head)
    }
}

extension RecordedEvent {
    fileprivate var payloadBytes: Int { data.count + metadata.count }
}
