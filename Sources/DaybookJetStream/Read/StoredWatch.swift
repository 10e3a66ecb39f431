#if JetStream
import DaybookCore
import Dispatch
import Synchronization

/// What the leader tells of each event that it has stored: its sequence, and the time that it gave it.
///
/// It comes as a plain message that may be lost; nothing depends on it but how soon a waiter wakes, and whether the time
/// of an append must be read.
final class StoredWatch: Sendable {
    private struct TimeWaiter {
        var resume: @Sendable (Timestamp?) -> Void
    }

    private struct HeadWaiter {
        var position: Int64
        var resume: @Sendable (Bool) -> Void
    }

    private struct State {
        var head: Int64 = 0
        /// Appends under way, which want to know their time.
        var interest = 0
        var times: [Int64: Timestamp] = [:]
        var olderTimes: [Int64: Timestamp] = [:]
        var timeWaiters: [Int64: TimeWaiter] = [:]
        var headWaiters: [UInt64: HeadWaiter] = [:]
        var nextID: UInt64 = 0
    }

    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "daybook.jetstream.watch")

    func take(_ message: borrowing IncomingMessage) {
        guard let sequence = message.number("Nats-Sequence") else { return }
        let wantsTime = state.withLock { $0.interest > 0 }
        let time = wantsTime ? message.header("Nats-Time-Stamp").flatMap { Timestamp($0) } : nil
        let (waiter, woken) = state.withLock { state -> (TimeWaiter?, [HeadWaiter]) in
            state.head = max(state.head, sequence)
            var waiter: TimeWaiter?
            if let time {
                waiter = state.timeWaiters.removeValue(forKey: sequence)
                if waiter == nil {
                    if state.times.count >= 8192 {
                        state.olderTimes = state.times
                        state.times = [:]
                    }
                    state.times[sequence] = time
                }
            }
            guard !state.headWaiters.isEmpty else { return (waiter, []) }
            let ready = state.headWaiters.filter { $0.value.position < sequence }
            for id in ready.keys { state.headWaiters[id] = nil }
            return (waiter, Array(ready.values))
        }
        waiter?.resume(time)
        for waiter in woken { waiter.resume(true) }
    }

    func beginInterest() { state.withLock { $0.interest += 1 } }

    func endInterest() {
        state.withLock { state in
            state.interest -= 1
            if state.interest == 0 {
                state.times = [:]
                state.olderTimes = [:]
            }
        }
    }

    /// The time of the event at a sequence that was just acknowledged; nil when word of it does not come.
    func time(of sequence: Int64, within patience: Duration) async -> Timestamp? {
        await withCheckedContinuation { continuation in
            let known: Timestamp? = state.withLock { state in
                if let time = state.times.removeValue(forKey: sequence) { return time }
                if let time = state.olderTimes.removeValue(forKey: sequence) { return time }
                state.timeWaiters[sequence] = TimeWaiter { continuation.resume(returning: $0) }
                return nil
            }
            if let known {
                continuation.resume(returning: known)
                return
            }
            queue.asyncAfter(deadline: .now() + .milliseconds(Int(patience.wholeMilliseconds))) { [self] in
                state.withLock { $0.timeWaiters.removeValue(forKey: sequence) }?.resume(nil)
            }
        }
    }

    /// Waits for word of an event beyond a position, but not for ever.
    ///
    /// - Returns: Whether word came, or the time is over; false when the task was cancelled.
    func wait(beyond position: Int64, within patience: Duration) async -> Bool {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state -> Bool? in
                    if Task.isCancelled { return false }
                    if state.head > position { return true }
                    state.headWaiters[id] = HeadWaiter(position: position) { continuation.resume(returning: $0) }
                    return nil
                }
                if let isOver {
                    continuation.resume(returning: isOver)
                    return
                }
                queue.asyncAfter(deadline: .now() + .milliseconds(Int(patience.wholeMilliseconds))) { [self] in
                    state.withLock { $0.headWaiters.removeValue(forKey: id) }?.resume(true)
                }
            }
        } onCancel: {
            state.withLock { $0.headWaiters.removeValue(forKey: id) }?.resume(false)
        }
    }

    /// Lets everybody go, when the store is closed.
    func end() {
        let (times, heads) = state.withLock { state in
            defer {
                state.timeWaiters = [:]
                state.headWaiters = [:]
            }
            return (state.timeWaiters, state.headWaiters)
        }
        for waiter in times.values { waiter.resume(nil) }
        for waiter in heads.values { waiter.resume(true) }
    }
}
#endif
