#if JetStream
import Synchronization

/// Lets the appends of this process that touch the same subject go one after another: they would only refuse each other.
final class Turns: Sendable {
    private struct Waiter {
        var id: UInt64
        var resume: @Sendable (Bool) -> Void
    }

    private struct State {
        /// Who waits for each key that somebody has.
        var waiting: [String: [Waiter]] = [:]
        var nextID: UInt64 = 0
    }

    private let state = Mutex(State())

    /// Waits until all keys are this caller's. They are taken in their order, so that nobody waits for ever.
    ///
    /// - Returns: False when the task was cancelled; then none of them is taken.
    func take(_ keys: [String]) async -> Bool {
        for (index, key) in keys.enumerated() {
            guard await take(key) else {
                giveBack(Array(keys[..<index]))
                return false
            }
        }
        return true
    }

    func giveBack(_ keys: [String]) {
        for key in keys {
            let next: Waiter? = state.withLock { state in
                guard var waiting = state.waiting[key], !waiting.isEmpty else {
                    state.waiting[key] = nil
                    return nil
                }
                let next = waiting.removeFirst()
                state.waiting[key] = waiting
                return next
            }
            next?.resume(true)
        }
    }

    private func take(_ key: String) async -> Bool {
        guard !Task.isCancelled else { return false }
        let id: UInt64? = state.withLock { state in
            guard state.waiting[key] != nil else {
                state.waiting[key] = []
                return nil
            }
            state.nextID += 1
            return state.nextID
        }
        guard let id else { return true }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isFree = state.withLock { state -> Bool? in
                    if Task.isCancelled { return false }
                    guard state.waiting[key] != nil else {
                        state.waiting[key] = []
                        return true
                    }
                    state.waiting[key]?.append(Waiter(id: id) { continuation.resume(returning: $0) })
                    return nil
                }
                if let isFree { continuation.resume(returning: isFree) }
            }
        } onCancel: {
            let waiter: Waiter? = state.withLock { state in
                guard let index = state.waiting[key]?.firstIndex(where: { $0.id == id }) else { return nil }
                return state.waiting[key]?.remove(at: index)
            }
            waiter?.resume(false)
        }
    }
}
#endif
