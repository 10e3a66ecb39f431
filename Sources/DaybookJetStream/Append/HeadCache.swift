#if JetStream
import Synchronization

/// The heads of streams as this process last knew them. What is out of date costs a refused attempt, never a wrong one.
final class HeadCache<Head: Sendable>: Sendable {
    private struct State {
        var recent: [String: Head] = [:]
        /// Those that were not used since ``recent`` was last full.
        var older: [String: Head] = [:]
    }

    private let state = Mutex(State())
    private let capacity: Int

    /// - Parameter capacity: How many are kept, at most twice as many.
    init(capacity: Int) { self.capacity = capacity }

    subscript(subject: String) -> Head? {
        state.withLock { state in
            if let head = state.recent[subject] { return head }
            guard let head = state.older.removeValue(forKey: subject) else { return nil }
            put(head, subject, &state)
            return head
        }
    }

    func set(_ head: Head, for subject: String) {
        state.withLock { put(head, subject, &$0) }
    }

    func remove(_ subject: String) {
        state.withLock { state in
            state.recent[subject] = nil
            state.older[subject] = nil
        }
    }

    func removeAll() { state.withLock { $0 = State() } }

    private func put(_ head: Head, _ subject: String, _ state: inout State) {
        if state.recent.count >= capacity {
            state.older = state.recent
            state.recent = [:]
        }
        state.recent[subject] = head
    }
}
#endif
