import DaybookCore
import Synchronization

/// A clock that a test drives: who sleeps by it wakes when the test moves it on, and not before.
///
/// ```swift
/// let clock = DrivenClock()
/// let runner = ProcessRunner(Fulfilment.self, of: store, in: store, time: clock.time.source, clock: clock) { … }
/// …
/// try await clock.wait(forSleepers: 2)      // The runner has nothing to do.
/// clock.advance(by: .seconds(60))           // Its deadline has come.
/// ```
///
/// ``advance(by:)`` moves the time of ``time`` as well, so that what sleeps and what looks at timestamps agree. Moving
/// ``time`` alone is a machine's clock that was set: nobody wakes by it.
public final class DrivenClock: Clock {
    public typealias Duration = Swift.Duration

    /// A moment of the clock, counted from its beginning.
    public struct Instant: InstantProtocol, CustomStringConvertible {
        public var offset: Duration

        public init(offset: Duration) { self.offset = offset }

        public func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        public func duration(to other: Instant) -> Duration { other.offset - offset }
        public static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }

        public var description: String { "\(offset)" }
    }

    /// The time that moves together with the clock: what a store is given to read the time from.
    public let time: DrivenTime
    private let state = Mutex(State())

    private struct Sleeper {
        var deadline: Instant
        var resume: CheckedContinuation<Bool, Never>
    }

    private struct Waiter {
        var count: Int
        var resume: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var now = Instant(offset: .zero)
        var nextID = 0
        var sleepers: [Int: Sleeper] = [:]
        var waiters: [Int: Waiter] = [:]

        /// A number for who sleeps or waits, in the order of their coming.
        mutating func makeID() -> Int {
            nextID += 1
            return nextID
        }

        mutating func takeReadyWaiters() -> [Waiter] {
            let ready = waiters.filter { $0.value.count <= sleepers.count }
            for id in ready.keys { waiters[id] = nil }
            return Array(ready.values)
        }

        /// Those whose time has come, in the order of their deadlines, and of their coming where these are the same.
        mutating func takeDueSleepers() -> [Sleeper] {
            let due = sleepers.filter { $0.value.deadline <= now }
                .sorted { ($0.value.deadline, $0.key) < ($1.value.deadline, $1.key) }
            for id in due.map(\.key) { sleepers[id] = nil }
            return due.map(\.value)
        }
    }

    /// - Parameter time: A time that is moved together with the clock.
    public init(time: DrivenTime = DrivenTime()) { self.time = time }

    public var now: Instant { state.withLock(\.now) }
    public var minimumResolution: Duration { .zero }

    /// When those who sleep will wake, the next one first.
    public var deadlines: [Instant] { state.withLock { $0.sleepers.values.map(\.deadline).sorted() } }

    /// Moves the clock and its time on, and wakes those whose time has come, in the order of their deadlines.
    ///
    /// They run after this returns: one that goes to sleep again does so from the new moment on.
    ///
    /// - Parameter duration: Not negative; a clock does not go back. ``time`` may.
    public func advance(by duration: Duration) {
        precondition(duration >= .zero, "A clock goes on, not by \(duration): move 'time' alone to set it back.")
        let due = state.withLock { state in
            state.now = state.now.advanced(by: duration)
            time.advance(by: duration)
            return state.takeDueSleepers()
        }
        for sleeper in due { sleeper.resume.resume(returning: true) }
    }

    /// Sleeps until the clock has been moved to a moment; not at all when it is there already.
    ///
    /// - Throws: `CancellationError`, at once when the task is cancelled.
    public func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        let id = state.withLock { $0.makeID() }
        let isAwake = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let (result, ready) = state.withLock { state -> (Bool?, [Waiter]) in
                    // Cancelled is looked at under the lock, which the handler of cancelling takes after it is set.
                    if Task.isCancelled { return (false, []) }
                    if deadline <= state.now { return (true, []) }
                    state.sleepers[id] = Sleeper(deadline: deadline, resume: continuation)
                    return (nil, state.takeReadyWaiters())
                }
                if let result { continuation.resume(returning: result) }
                for waiter in ready { waiter.resume.resume(returning: true) }
            }
        } onCancel: {
            state.withLock { $0.sleepers.removeValue(forKey: id) }?.resume.resume(returning: false)
        }
        if !isAwake { throw CancellationError() }
    }

    /// Returns when at least so many sleep: when those who are to be woken have come to rest.
    ///
    /// It waits for as long as it takes; bound it by the time limit of the test.
    ///
    /// - Throws: `CancellationError`, when the task is cancelled.
    public func wait(forSleepers count: Int) async throws {
        let id = state.withLock { $0.makeID() }
        let isThere = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let result = state.withLock { state -> Bool? in
                    if Task.isCancelled { return false }
                    if state.sleepers.count >= count { return true }
                    state.waiters[id] = Waiter(count: count, resume: continuation)
                    return nil
                }
                if let result { continuation.resume(returning: result) }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume.resume(returning: false)
        }
        if !isThere { throw CancellationError() }
    }
}
