#if Kafka
import Daybook
import Synchronization

/// One call of `send`: which of its records are on their way, and what was answered.
///
/// Of one stream nothing is acknowledged behind a record that failed.
final class SendCall: Sendable {
    enum Outcome: Sendable {
        case delivered
        case failed(KafkaError)
        /// The broker will never take it.
        case refused(KafkaError)

        var answer: PublisherMessage.Answer {
            switch self {
            case .delivered: .acknowledged
            case .failed(let error): .failed(reason: error.description)
            case .refused(let error): .refused(reason: error.description)
            }
        }
    }

    /// Where one stream stands.
    private struct Stream {
        /// Records with the client, which have no report yet.
        var underWay = 0
        /// The first message that failed: nothing behind it is sent or acknowledged.
        var failed: (message: Int, outcome: Outcome)?
        /// Whether that message was answered, which waits for the reports of what stands before it.
        var isAnswered = false
    }

    private struct State {
        /// Records with the client, of all streams.
        var underWay = 0
        var streams: [Stream]
        /// Reports that a message still needs before it is acknowledged.
        var left: [Int]
        var waiter: CheckedContinuation<Void, Never>?
        var cancelled: ContinuousClock.Instant?
        var isAbandoned = false
        /// What was delivered in a transaction that is not committed yet.
        var held: [Int] = []
    }

    private typealias Answers = [(message: Int, answer: PublisherMessage.Answer)]

    let messages: [PublisherMessage]
    /// The number of each message's stream.
    let streams: [Int]
    let streamCount: Int
    private let isTransaction: Bool
    private let state: Mutex<State>

    /// - Parameter isTransaction: Whether nothing is answered before ``commit(_:)``.
    init(_ messages: [PublisherMessage], isTransaction: Bool = false) {
        self.messages = messages
        self.isTransaction = isTransaction
        var numbers: [String: Int] = [:]
        streams = messages.map { message in
            let number = numbers[message.key] ?? numbers.count
            numbers[message.key] = number
            return number
        }
        streamCount = numbers.count
        state = Mutex(
            State(
                streams: Array(repeating: Stream(), count: numbers.count), left: messages.map(\.events.count)))
    }

    /// Whether a record of the message may be sent.
    func maySend(_ message: Int) -> Bool {
        state.withLock { $0.streams[streams[message]].failed == nil && $0.cancelled == nil }
    }

    /// A record of the message is handed to the client.
    func began(_ message: Int) {
        state.withLock { state in
            state.underWay += 1
            state.streams[streams[message]].underWay += 1
        }
    }

    /// Takes back ``began(_:)``, of a record that the client did not take.
    func didNotBegin(_ message: Int) {
        change { state, answers in end(message, in: &state, &answers) }
    }

    /// The client's report for one record of a message.
    func ended(_ message: Int, _ outcome: Outcome) {
        change { state, answers in
            switch outcome {
            case .delivered:
                state.left[message] -= 1
                let isBehind = state.streams[streams[message]].failed.map { $0.message <= message } ?? false
                if state.left[message] == 0, !isBehind {
                    if isTransaction { state.held.append(message) } else { answers.append((message, .acknowledged)) }
                }
            default: fail(message, outcome, in: &state)
            }
            end(message, in: &state, &answers)
        }
    }

    /// A message fails of which no record was handed to the client now.
    func fail(_ message: Int, _ outcome: Outcome) {
        change { state, answers in
            fail(message, outcome, in: &state)
            answerFailure(of: streams[message], in: &state, &answers)
        }
    }

    /// Ends a transaction: acknowledges what was delivered in it, or fails all of it.
    func commit(_ error: KafkaError?) {
        change { state, answers in
            if let error {
                // The first of each stream; and what is refused for good, or it would be tried for ever.
                var seen: Set<Int> = []
                for message in messages.indices where seen.insert(streams[message]).inserted {
                    if state.streams[streams[message]].failed?.message != message {
                        answers.append((message, .failed(reason: error.description)))
                    }
                }
            } else {
                answers += state.held.map { ($0, .acknowledged) }
            }
            state.held = []
            for stream in state.streams.indices {
                guard let failed = state.streams[stream].failed else { continue }
                if error != nil, case .failed = failed.outcome, failed.message != streams.firstIndex(of: stream) {
                    continue
                }
                if let error, case .failed(.stopped) = failed.outcome {
                    answers.append((failed.message, .failed(reason: error.description)))
                } else {
                    answers.append((failed.message, failed.outcome.answer))
                }
            }
        }
    }

    private func fail(_ message: Int, _ outcome: Outcome, in state: inout State) {
        let stream = streams[message]
        if let failed = state.streams[stream].failed, failed.message <= message { return }
        state.streams[stream].failed = (message, outcome)
        state.streams[stream].isAnswered = false
    }

    private func end(_ message: Int, in state: inout State, _ answers: inout Answers) {
        state.underWay -= 1
        state.streams[streams[message]].underWay -= 1
        answerFailure(of: streams[message], in: &state, &answers)
    }

    private func answerFailure(of stream: Int, in state: inout State, _ answers: inout Answers) {
        guard !isTransaction, state.streams[stream].underWay == 0, !state.streams[stream].isAnswered,
            let failed = state.streams[stream].failed
        else { return }
        state.streams[stream].isAnswered = true
        answers.append((failed.message, failed.outcome.answer))
    }

    /// Changes the state, and then, outside of the lock, answers and wakes who waits.
    private func change(_ body: (inout State, inout Answers) -> Void) {
        var answers: Answers = []
        let (waiter, isAbandoned) = state.withLock { state -> (CheckedContinuation<Void, Never>?, Bool) in
            body(&state, &answers)
            guard state.underWay == 0 else { return (nil, state.isAbandoned) }
            defer { state.waiter = nil }
            return (state.waiter, state.isAbandoned)
        }
        if !isAbandoned { for (message, answer) in answers { messages[message].answer(answer) } }
        waiter?.resume()
    }

    /// The streams of which a broker did not take a record of a transaction.
    var keysNotTaken: Set<ConsumerKey> {
        state.withLock { state in
            var keys: Set<ConsumerKey> = []
            for stream in state.streams {
                guard let failed = stream.failed, case .failed(let error) = failed.outcome,
                    case .transactionAborted = error
                else { continue }
                keys.insert(ConsumerKey(unchecked: messages[failed.message].key))
            }
            return keys
        }
    }

    /// Whether no record is with the client.
    var isIdle: Bool { state.withLock { $0.underWay == 0 } }

    var isCancelled: Bool { state.withLock { $0.cancelled != nil } }

    var isAbandoned: Bool { state.withLock { $0.isAbandoned } }

    /// Waits until no record is with the client, or the call is abandoned.
    func wait() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if state.underWay == 0 || state.isAbandoned { return true }
                state.waiter = continuation
                return false
            }
            if isOver { continuation.resume() }
        }
    }

    /// The task was cancelled: nothing more of it is sent.
    func cancel() { state.withLock { $0.cancelled = $0.cancelled ?? .now } }

    /// Gives up a call that was cancelled so long ago: nothing is answered any more.
    func abandon(afterWaiting patience: Duration) {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard let cancelled = state.cancelled, cancelled.duration(to: .now) >= patience, !state.isAbandoned else {
                return nil
            }
            state.isAbandoned = true
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }
}
#endif
