#if JetStream
import Synchronization

/// What was delivered of a lane and is not given yet, in order and without gaps, while one member holds it.
///
/// The consumer numbers its deliveries from 1 since it was last moved. A number that does not follow shows that deliveries were
/// lost on the way: then nothing is taken until the consumer was moved back, which begins at 1 again. Messages that came before
/// are known by their sequence in the stream.
final class LaneBuffer: Sendable {
    /// What is given to the handler at once.
    struct Batch: Sendable {
        let events: [IncomingEvent]
        /// When the last one came: how often the consumer had been moved. An acknowledgement from before does not fit any more.
        let epoch: Int

        var last: IncomingEvent { events[events.count - 1] }
    }

    private struct Waiter {
        var atMost: Int
        var continuation: CheckedContinuation<Batch?, Never>
    }

    private struct Held {
        var event: IncomingEvent
        var epoch: Int
    }

    private struct State {
        var events: [Held] = []
        /// Where ``events`` begins; what is before was given.
        var start = 0
        var bytes = 0
        var epoch = 0
        var nextDelivery: Int64 = 1
        /// The sequence of the last message that came in order.
        var last: Int64
        var isBroken = false
        var taken: Int64?
        var noted: Int64?
        var waiter: Waiter?
        var roomWaiter: CheckedContinuation<Void, Never>?
        var isInHand = false
        /// The sequence of the first message that came since it was set to nil.
        var first: Int64?

        var count: Int { events.count - start }
    }

    private let state: Mutex<State>
    /// So many messages and bytes, and no more are asked for.
    let room: Int
    static let bytes = 8 << 20

    /// - Parameter floor: What is not behind it was taken.
    init(behind floor: Int64, room: Int) {
        state = Mutex(State(last: floor))
        self.room = room
    }

    // MARK: Filling

    /// Takes a message as it was delivered; on libnats' thread.
    func take(_ message: borrowing IncomingMessage, stream: String) {
        guard let reply = message.reply, let delivery = message.delivery else {
            state.withLock { $0.isBroken = true }
            return
        }
        guard let epoch = follow(delivery) else { return }
        let event = IncomingEvent(message, delivery, reply: reply, stream: stream)
        let ready = state.withLock { state -> (Waiter, Batch)? in
            state.events.append(Held(event: event, epoch: epoch))
            state.bytes += event.size
            state.last = event.sequence
            state.first = state.first ?? event.sequence
            guard let waiter = state.waiter else { return nil }
            state.waiter = nil
            return (waiter, Self.removeBatch(waiter.atMost, from: &state))
        }
        if let (waiter, batch) = ready { waiter.continuation.resume(returning: batch) }
    }

    /// Whether a delivery follows on those before it, and brings something new.
    ///
    /// - Returns: Then how often the consumer had been moved.
    func follow(_ delivery: ConsumerDelivery) -> Int? {
        state.withLock { state -> Int? in
            // Somebody moved the consumer.
            if delivery.delivery == 1 { Self.beginAnew(&state) }
            guard !state.isBroken else { return nil }
            guard delivery.delivery == state.nextDelivery else {
                state.isBroken = true
                return nil
            }
            state.nextDelivery += 1
            return delivery.sequence > state.last ? state.epoch : nil
        }
    }

    /// This member is about to move the consumer, which begins at 1 then: a number that would have followed until now shows that
    /// the first ones were lost. What is held was delivered before, and can be acknowledged by its own subject no longer; the
    /// servers do not answer such an acknowledgement.
    func expectMove() { state.withLock { Self.beginAnew(&$0) } }

    private static func beginAnew(_ state: inout State) {
        state.epoch += 1
        state.isBroken = false
        state.nextDelivery = 1
    }

    /// Deliveries may have been lost: nothing more is taken until the consumer was moved.
    func breakOff() { state.withLock { $0.isBroken = true } }

    var isBroken: Bool { state.withLock(\.isBroken) }

    /// Whether more may be asked for.
    var hasRoom: Bool { state.withLock { Self.hasRoom($0, room) } }

    private static func hasRoom(_ state: State, _ room: Int) -> Bool { state.count < room && state.bytes < Self.bytes }

    func waitForRoom() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isThere = state.withLock { state in
                    if Self.hasRoom(state, room) || Task.isCancelled { return true }
                    state.roomWaiter = continuation
                    return false
                }
                if isThere { continuation.resume() }
            }
        } onCancel: {
            takeRoomWaiter()?.resume()
        }
    }

    private func takeRoomWaiter() -> CheckedContinuation<Void, Never>? {
        state.withLock { state in
            defer { state.roomWaiter = nil }
            return state.roomWaiter
        }
    }

    // MARK: Giving

    /// What stands next, as soon as there is something; nil when the task was cancelled.
    func next(atMost count: Int) async -> Batch? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let batch = state.withLock { state -> Batch?? in
                    if Task.isCancelled { return .some(nil) }
                    if state.count > 0 { return Self.removeBatch(count, from: &state) }
                    state.waiter = Waiter(atMost: count, continuation: continuation)
                    return nil
                }
                if let batch { continuation.resume(returning: batch) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                defer { state.waiter = nil }
                return state.waiter
            }
            waiter?.continuation.resume(returning: nil)
        }
    }

    private static func removeBatch(_ count: Int, from state: inout State) -> Batch {
        let held = state.events[state.start..<min(state.start + count, state.events.count)]
        let events = held.map(\.event)
        let epoch = held.last?.epoch ?? state.epoch
        state.start += events.count
        state.bytes -= events.reduce(0) { $0 + $1.size }
        if state.start == state.events.count || state.start >= 1024 {
            state.events.removeFirst(state.start)
            state.start = 0
        }
        state.isInHand = true
        return Batch(events: events, epoch: epoch)
    }

    /// The handler took all up to a sequence.
    func wasTaken(_ sequence: Int64) {
        let waiter = state.withLock { state in
            state.taken = sequence
            state.isInHand = false
            guard Self.hasRoom(state, room) else { return nil as CheckedContinuation<Void, Never>? }
            defer { state.roomWaiter = nil }
            return state.roomWaiter
        }
        waiter?.resume()
    }

    /// The server noted it.
    func wasNoted(_ sequence: Int64) { state.withLock { $0.noted = max($0.noted ?? 0, sequence) } }

    /// Up to where the handler took the lane since it is held, if it did.
    var taken: Int64? { state.withLock(\.taken) }
    var epoch: Int { state.withLock(\.epoch) }

    /// Notes a place from which on it is observed what comes first.
    ///
    /// - Returns: The sequence of the last message that came.
    func mark() -> Int64 {
        state.withLock { state in
            state.first = nil
            return state.last
        }
    }

    /// The sequence of the first message behind the mark.
    var firstBehindMark: Int64? { state.withLock(\.first) }

    var isInHand: Bool { state.withLock(\.isInHand) }

    /// Up to where the server noted that.
    var noted: Int64? { state.withLock(\.noted) }

    /// Whether all that came was taken and noted.
    var isIdle: Bool { state.withLock { $0.count == 0 && !$0.isInHand && !$0.isBroken && $0.taken == $0.noted } }
}
#endif
