import DaybookCore
import Synchronization

/// Saves snapshots one after another, away from those who handle commands.
///
/// At most one waits for each subject, the newest, and at most ``capacity`` in all; beyond that, and when the store
/// fails, a snapshot is left out: a later one will do as well.
final class SnapshotWriter: Sendable {
    typealias Make = @Sendable () throws -> Snapshot

    static let capacity = 256

    private struct State: Sendable {
        var waiting: [SnapshotKey: Make] = [:]
        var order: [SnapshotKey] = []
        var isRunning = false
        var idle: [CheckedContinuation<Void, Never>] = []
    }

    private let store: any SnapshotStore
    private let state = Mutex(State())

    init(_ store: any SnapshotStore) { self.store = store }

    /// - Returns: Whether there was room.
    func offer(_ key: SnapshotKey, _ make: @escaping Make) -> Bool {
        let starts: Bool? = state.withLock { state in
            if state.waiting[key] == nil {
                guard state.order.count < Self.capacity else { return nil }
                state.order.append(key)
            }
            state.waiting[key] = make
            defer { state.isRunning = true }
            return !state.isRunning
        }
        guard let starts else { return false }
        // Ends by itself as soon as nothing waits; a command that was handled must not wait for it, nor cancel it.
        if starts { Task.detached(priority: .utility) { await self.drain() } }
        return true
    }

    /// Returns when nothing waits.
    func finish() async {
        await withCheckedContinuation { continuation in
            let isIdle = state.withLock { state in
                if state.isRunning { state.idle.append(continuation) }
                return !state.isRunning
            }
            if isIdle { continuation.resume() }
        }
    }

    private func drain() async {
        while true {
            let (make, idle) = state.withLock { state -> (Make?, [CheckedContinuation<Void, Never>]) in
                guard !state.order.isEmpty else {
                    state.isRunning = false
                    defer { state.idle = [] }
                    return (nil, state.idle)
                }
                return (state.waiting.removeValue(forKey: state.order.removeFirst()), [])
            }
            guard let make else {
                for continuation in idle { continuation.resume() }
                return
            }
            // Derived state: what is not saved now is replayed, and offered again.
            if let snapshot = try? make() { try? await store.save(snapshot) }
        }
    }
}
