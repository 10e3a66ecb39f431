#if JetStream
import Dispatch
import Synchronization

/// Readers that go through the log, and what the server sends ahead of each of them.
final class ReadAheadPool: Sendable {
    private struct Place: Hashable {
        var sequence: Int64
        var subject: String
    }

    private struct State {
        /// Where large pages ended: who goes on there gets a read-ahead.
        var ends: [Place] = []
        var waiting: [(place: Place, ahead: LogReadAhead, since: ContinuousClock.Instant)] = []
    }

    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "daybook.jetstream.pool")
    private static let capacity = 4
    private static let patience: Duration = .seconds(10)

    /// Takes out what is sent ahead of a reader that goes on at a place.
    func take(_ sequence: Int64, _ subject: String) -> LogReadAhead? {
        state.withLock { state in
            guard
                let index = state.waiting.firstIndex(where: {
                    $0.place == Place(sequence: sequence, subject: subject)
                })
            else { return nil }
            return state.waiting.remove(at: index).ahead
        }
    }

    /// Whether a large page ended just before a place.
    func isContinued(_ sequence: Int64, _ subject: String) -> Bool {
        state.withLock { state in
            guard let index = state.ends.firstIndex(of: Place(sequence: sequence, subject: subject)) else {
                return false
            }
            state.ends.remove(at: index)
            return true
        }
    }

    func noteEnd(_ sequence: Int64, _ subject: String) {
        state.withLock { state in
            state.ends.append(Place(sequence: sequence, subject: subject))
            if state.ends.count > 16 { state.ends.removeFirst() }
        }
    }

    func keep(_ ahead: LogReadAhead, at sequence: Int64) {
        let now = ContinuousClock.now
        let dropped = state.withLock { state in
            state.waiting.append((Place(sequence: sequence, subject: ahead.subject), ahead, now))
            return state.waiting.count > Self.capacity ? state.waiting.removeFirst().ahead : nil
        }
        dropped?.end()
        // A reader that does not come back leaves nothing running.
        queue.asyncAfter(deadline: .now() + .milliseconds(Int(Self.patience.wholeMilliseconds) + 100)) { [weak self] in
            self?.endOld()
        }
    }

    private func endOld() {
        let limit = ContinuousClock.now - Self.patience
        let old = state.withLock { state in
            defer { state.waiting.removeAll { $0.since < limit } }
            return state.waiting.filter { $0.since < limit }.map(\.ahead)
        }
        for ahead in old { ahead.end() }
    }

    func endAll() {
        let all = state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting.map(\.ahead)
        }
        for ahead in all { ahead.end() }
    }
}
#endif
