import DaybookCore
import Synchronization

/// Lets the tasks of a process change a stream one after another, in the order in which they asked, so that those who meet
/// here do not conflict in the store; and keeps what each leaves for the next.
///
/// What is left is kept for a given number of streams. Which of them go is decided by a hand that goes round all of them,
/// as the hand of a clock: it takes those that were not used since it passed.
///
/// - Complexity: an uncontended turn costs one dictionary operation under a lock, and never suspends.
@usableFromInline
final class StreamTurns: Sendable {
    /// What a turn leaves for the next. It never changes.
    @usableFromInline typealias Kept = AnyObject & Sendable

    /// The right to change a stream.
    @usableFromInline
    struct Turn: Sendable {
        fileprivate var slot: Int
        /// What the turn before left, if it is still there. Nobody else has it.
        @usableFromInline var kept: (any Kept)?
    }

    fileprivate struct Waiter: Sendable {
        var id: Int
        var continuation: CheckedContinuation<Turn?, Never>
    }

    fileprivate struct Slot: Sendable {
        /// Nil when the slot is free.
        var stream: StreamName?
        var kept: (any Kept)?
        var isTaken = true
        /// Whether it was used since the hand passed, or since what is kept was left for the first time: whoever uses a
        /// thousand streams once does not push out those that are used again and again.
        var isRecent = false
        var waiters: [Waiter] = []
        /// Waiters before this one have had their turn.
        var firstWaiter = 0
    }

    fileprivate struct State: Sendable {
        var slots: [Slot] = []
        var byStream: [StreamName: Int] = [:]
        var free: [Int] = []
        var hand = 0
        var nextID = 0
    }

    private let limit: Int
    private let state = Mutex(State())

    /// - Parameter limit: For how many streams to keep what was left, those whose turn is taken included.
    init(limit: Int) { self.limit = limit }

    /// Of how many streams something is kept, or the turn is taken.
    var count: Int { state.withLock { $0.byStream.count } }

    /// How many wait for the turn on a stream.
    func waiting(for stream: StreamName) -> Int {
        state.withLock { state in
            state.byStream[stream].map { state.slots[$0].waiters.count - state.slots[$0].firstWaiter } ?? 0
        }
    }

    /// What the last turn left; nil too while the turn is taken.
    func kept(for stream: StreamName) -> (any Kept)? {
        state.withLock { state in state.byStream[stream].flatMap { state.slots[$0].kept } }
    }

    /// Waits for the turn; nil when the task was cancelled before it came.
    @usableFromInline
    func take(_ stream: StreamName) async -> Turn? {
        if let turn = state.withLock({ $0.takeIfFree(stream) }) { return turn }
        return await wait(for: stream)
    }

    /// Gives the turn to the next, if any, with what this one leaves.
    @usableFromInline
    func give(_ turn: Turn, leaving kept: (any Kept)?) {
        let kept = limit > 0 ? kept : nil
        let next: Waiter? = state.withLock { state in
            if let waiter = state.slots[turn.slot].removeFirstWaiter() { return waiter }
            guard let kept else {
                state.remove(turn.slot)
                return nil
            }
            state.slots[turn.slot].isTaken = false
            state.slots[turn.slot].kept = kept
            if state.byStream.count > limit { state.removeLeastUsed() }
            return nil
        }
        next?.continuation.resume(returning: Turn(slot: turn.slot, kept: kept))
    }

    private func wait(for stream: StreamName) async -> Turn? {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let immediate: Turn?? = state.withLock { state in
                    if Task.isCancelled { return .some(nil) }
                    if let turn = state.takeIfFree(stream) { return .some(turn) }
                    guard let slot = state.byStream[stream] else { return .some(nil) }
                    state.slots[slot].waiters.append(Waiter(id: id, continuation: continuation))
                    return nil
                }
                if let immediate { continuation.resume(returning: immediate) }
            }
        } onCancel: {
            let waiter: Waiter? = state.withLock { state in
                state.byStream[stream].flatMap { state.slots[$0].removeWaiter(id) }
            }
            waiter?.continuation.resume(returning: nil)
        }
    }
}

extension StreamTurns.State {
    fileprivate mutating func takeIfFree(_ stream: StreamName) -> StreamTurns.Turn? {
        if let slot = byStream[stream] {
            guard !slots[slot].isTaken else { return nil }
            slots[slot].isTaken = true
            slots[slot].isRecent = true
            return StreamTurns.Turn(slot: slot, kept: slots[slot].kept.take())
        }
        let new = StreamTurns.Slot(stream: stream)
        let slot: Int
        if let last = free.popLast() {
            slot = last
            slots[slot] = new
        } else {
            slot = slots.count
            slots.append(new)
        }
        byStream[stream] = slot
        return StreamTurns.Turn(slot: slot, kept: nil)
    }

    fileprivate mutating func remove(_ slot: Int) {
        guard let stream = slots[slot].stream else { return }
        byStream[stream] = nil
        slots[slot] = StreamTurns.Slot(stream: nil)
        free.append(slot)
    }

    /// Removes what was not used for longest, roughly. The hand goes round twice at most: the first time it passes, what it
    /// finds is no longer recent.
    fileprivate mutating func removeLeastUsed() {
        for _ in 0..<2 * slots.count {
            hand = hand + 1 < slots.count ? hand + 1 : 0
            guard slots[hand].stream != nil, !slots[hand].isTaken else { continue }
            guard slots[hand].isRecent else { return remove(hand) }
            slots[hand].isRecent = false
        }
    }
}

extension StreamTurns.Slot {
    fileprivate mutating func removeFirstWaiter() -> StreamTurns.Waiter? {
        guard firstWaiter < waiters.count else { return nil }
        let waiter = waiters[firstWaiter]
        firstWaiter += 1
        if firstWaiter == waiters.count || firstWaiter > 32 && firstWaiter * 2 > waiters.count {
            waiters.removeFirst(firstWaiter)
            firstWaiter = 0
        }
        return waiter
    }

    fileprivate mutating func removeWaiter(_ id: Int) -> StreamTurns.Waiter? {
        let index = waiters.indices.dropFirst(firstWaiter).first { waiters[$0].id == id }
        return index.map { waiters.remove(at: $0) }
    }
}
