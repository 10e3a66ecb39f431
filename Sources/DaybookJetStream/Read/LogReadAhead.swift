#if JetStream
import DaybookCore
import Dispatch
import Synchronization

/// Messages that the server sends ahead of a reader that goes through the log: an ordered consumer, with flow control.
///
/// It is three times as fast as asking for page after page. What is not read is bounded: the server stops until room is
/// made. Anything unexpected (a gap, a broken connection) ends it, and the reader asks for pages again.
final class LogReadAhead: Sendable {
    private struct State {
        var buffer: [StoredMessage] = []
        var head = 0
        var bytes = 0
        var nextDelivery: Int64 = 1
        /// How many messages the consumer had behind the last one that came.
        var pending: Int64 = 1
        var isOver = false
        var flowReply: String?
        var subjects = KnownSubjects()
        var waiter: CheckedContinuation<Void, Never>?
        var waiterID = 0
    }

    /// Above this much nothing more is asked for.
    private static let room = 4 << 20

    let subject: String
    private let connection: JetStreamConnection
    private let stream: String
    private let consumer: String
    private let state = Mutex(State())
    private let subscription = Mutex<ConnectionSubscription?>(nil)
    private let queue = DispatchQueue(label: "daybook.jetstream.ahead")

    private init(subject: String, connection: JetStreamConnection, stream: String, consumer: String) {
        self.subject = subject
        self.connection = connection
        self.stream = stream
        self.consumer = consumer
    }

    private struct Made: Decodable, Sendable {}

    /// Begins at a sequence.
    static func begin(
        from sequence: Int64, on subject: String, in stream: String, of connection: JetStreamConnection,
        timeout: Duration
    ) async throws(ConnectionFailure) -> LogReadAhead {
        let consumer = "ahead-" + String(UInt64.random(in: 0 ... .max), radix: 36)
        let inbox = "_INBOX.\(consumer)"
        let ahead = LogReadAhead(subject: subject, connection: connection, stream: stream, consumer: consumer)
        let subscription = try connection.subscribe(inbox) { [weak ahead] in ahead?.take($0) }
        ahead.subscription.withLock { $0 = subscription }
        let json =
            "{\"stream_name\":\"\(stream)\",\"config\":{\"name\":\"\(consumer)\",\"deliver_subject\":\"\(inbox)\","
            + "\"deliver_policy\":\"by_start_sequence\",\"opt_start_seq\":\(sequence),\"ack_policy\":\"none\","
            + "\"max_deliver\":1,\"replay_policy\":\"instant\",\"filter_subject\":\"\(subject)\",\"flow_control\":true,"
            + "\"idle_heartbeat\":5000000000,\"inactive_threshold\":10000000000,\"mem_storage\":true,\"num_replicas\":1},"
            + "\"action\":\"create\"}"
        do throws(ConnectionFailure) {
            let _: Made = try await connection.api(
                "CONSUMER.CREATE.\(stream).\(consumer).\(subject)", json, timeout: timeout)
        } catch {
            ahead.end()
            throw error
        }
        return ahead
    }

    private func take(_ message: borrowing IncomingMessage) {
        guard let place = message.delivery else {
            if message.status == 100 {
                // A question whether to go on; a heartbeat repeats one that was not answered.
                if let reply = message.reply ?? message.header("Nats-Consumer-Stalled") { answer(reply) }
            } else {
                fail()
            }
            return
        }
        let body = message.body
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            if place.delivery == state.nextDelivery {
                state.nextDelivery += 1
                state.pending = place.pending
                state.bytes += body.count
                state.buffer.append(
                    StoredMessage(
                        sequence: place.sequence, subject: message.subject(among: &state.subjects),
                        time: Timestamp(microseconds: place.nanoseconds / 1000), body: body))
            } else {
                state.isOver = true
            }
            guard
                state.isOver || place.pending == 0 || state.buffer.count - state.head >= 256
                    || state.bytes > Self.room / 2
            else { return nil }
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    private func answer(_ reply: String) {
        let answers = state.withLock { state in
            guard state.bytes > Self.room else { return true }
            state.flowReply = reply
            return false
        }
        if answers { connection.publish([OutgoingMessage(subject: reply)]) }
    }

    private func fail() {
        let waiter = state.withLock { state in
            state.isOver = true
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// The next messages, at most so many; none when none comes for a moment, or this is over.
    ///
    /// - Parameter isMore: Whether there is more for sure, although the server had said otherwise.
    /// - Returns: Whether there was nothing behind them when the last one was sent is `isAtEnd`.
    func next(
        _ limit: Int, within patience: Duration, isMore: Bool
    ) async -> (messages: ArraySlice<StoredMessage>, isAtEnd: Bool) {
        let isEmpty = state.withLock { state in
            let count = state.buffer.count - state.head
            if state.isOver || state.bytes > Self.room / 2 { return false }
            return state.pending > 0 ? count < min(limit, 256) : isMore && count == 0
        }
        if isEmpty { await wait(patience) }
        let (messages, isAtEnd, reply) = state.withLock { state in
            let end = min(state.head + limit, state.buffer.count)
            // A copy: a slice would make the next message that comes copy the whole buffer.
            let messages = Array(state.buffer[state.head..<end])[...]
            for message in messages { state.bytes -= message.body.count }
            state.head = end
            if state.head > 4096 {
                state.buffer.removeSubrange(..<state.head)
                state.head = 0
            }
            var reply: String?
            if state.bytes <= Self.room {
                reply = state.flowReply
                state.flowReply = nil
            }
            return (messages, state.pending == 0 && state.head == state.buffer.count, reply)
        }
        if let reply { connection.publish([OutgoingMessage(subject: reply)]) }
        return (messages, isAtEnd)
    }

    /// Puts messages back that the reader had no room for.
    func giveBack(_ messages: ArraySlice<StoredMessage>) {
        guard !messages.isEmpty else { return }
        state.withLock { state in
            for message in messages { state.bytes += message.body.count }
            if state.head >= messages.count {
                state.head -= messages.count
                state.buffer.replaceSubrange(state.head..<state.head + messages.count, with: messages)
            } else {
                state.buffer.replaceSubrange(..<state.head, with: messages)
                state.head = 0
            }
        }
    }

    private func wait(_ patience: Duration) async {
        await withCheckedContinuation { continuation in
            let id: Int? = state.withLock { state in
                guard !state.isOver, state.waiter == nil else { return nil }
                state.waiter = continuation
                state.waiterID += 1
                return state.waiterID
            }
            guard let id else {
                continuation.resume()
                return
            }
            queue.asyncAfter(deadline: .now() + .milliseconds(Int(patience.wholeMilliseconds))) { [self] in
                let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
                    guard state.waiterID == id else { return nil }
                    defer { state.waiter = nil }
                    return state.waiter
                }
                waiter?.resume()
            }
        }
    }

    func end() {
        let subscription = subscription.withLock { subscription in
            defer { subscription = nil }
            return subscription
        }
        guard let subscription else { return }
        fail()
        // The server removes a consumer that nobody listens to by itself, some seconds later.
        connection.publish([OutgoingMessage(subject: "$JS.API.CONSUMER.DELETE.\(stream).\(consumer)")])
        connection.end(subscription)
    }

    deinit { end() }
}
#endif
