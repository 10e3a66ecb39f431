#if Kafka
import CRDKafka
import Daybook
import Synchronization

/// Sends events to Kafka, as records whose key is their stream: those of one stream go to one partition, in order.
///
/// ```swift
/// let bus = try KafkaTarget(.init(servers: "localhost:9092", topic: "accounts"))
/// let publisher = EventPublisher(
///     "warehouse", of: store, try PublishedEvents(AccountEvent.self, source: "/shop"), in: store, to: bus)
/// ```
///
/// An event is acknowledged when Kafka's delivery report says that all in-sync replicas have it (`acks=all`), and never before.
/// One that comes twice has the same ``CloudEvent/id``; when it does:
///
/// - With ``Delivery/idempotent``, Kafka drops what its client repeats, while one producer lives. Events come twice when the
///   process ended, or was told to stop, before their report came, and when a record failed: then the producer is made anew,
///   so that nothing behind that record is sent before it, and all that had no report is sent again.
/// - With ``Delivery/transactional(_:)``, readers with `isolation.level=read_committed` see an event twice only when the process
///   ended after the commit and before the publisher noted it down. A transaction takes all calls that wait, and fails as one.
///
/// Order within a stream rests on its partition: do not change the number of partitions of a topic while events are under way.
/// Kafka checks the order of a producer's requests from the first one that it took: a first request that is refused for a moment
/// could be overtaken by the second, and then counts as taken although it is not there. So one request at a time is under way to
/// each broker, however many records it has; `max.in.flight.requests.per.connection` in the settings allows more, at that risk.
///
/// A record that is larger than `message.max.bytes` here, or than the topic takes, is refused, which stops its stream alone. A
/// broker refuses a whole batch, and does not say for which record's sake: then each record goes in a request of its own until the
/// one is found. A stream for whose sake a transaction is aborted has transactions of its own until one of them is committed.
/// Topics that are missing and rights that are lacking are failures, to be tried again: nothing is left out when an operator mends
/// them.
///
/// When the client's queue is full (`queue.buffering.max.messages`, 100,000, and `queue.buffering.max.kbytes`), `send` waits. While
/// brokers are away it waits as well, and ``Configuration/report`` is told.
public final class KafkaTarget: BatchPublisherTarget {
    private struct State {
        var producer: Producer?
        var isClosed = false
    }

    private let configuration: Configuration
    private let state: Mutex<State>
    private let transactions: TransactionSender?

    /// Nothing is asked of the brokers yet: a former sender of the same transactional id is fenced by the first `send`.
    ///
    /// - Throws: ``KafkaError``, for settings that cannot be taken.
    public init(_ configuration: Configuration) throws(KafkaError) {
        self.configuration = configuration
        if case .transactional(let id) = configuration.delivery {
            transactions = try TransactionSender(configuration, id: id)
            state = Mutex(State())
        } else {
            transactions = nil
            state = Mutex(State(producer: try Producer(configuration, isSolo: false)))
        }
    }

    deinit {
        state.withLock { $0.producer }?.retire(.stopped)
        transactions?.stop()
    }

    public func send(_ messages: [PublisherMessage]) async {
        if let transactions {
            await transactions.send(messages)
            return
        }
        let call = SendCall(messages)
        let producer: Producer
        do throws(KafkaError) { producer = try usableProducer() } catch {
            for message in messages.indices { call.fail(message, .failed(error)) }
            return
        }
        await withTaskCancellationHandler {
            var waiting = RecordCursor.all(of: call)
            while !waiting.isEmpty, producer.retired == nil, !Task.isCancelled {
                waiting = await send(waiting, of: call, by: producer)
            }
            if let reason = producer.retired, reason != .stopped || !Task.isCancelled {
                for cursor in waiting { call.fail(cursor.message, .failed(reason)) }
            }
            await call.wait()
            producer.settled(call)
        } onCancel: {
            call.cancel()
        }
    }

    /// Sends, of each stream, what goes to one topic, and waits for the reports when its next record goes to another one: that may
    /// be sent only when the first are there.
    ///
    /// - Returns: What is left.
    private func send(_ cursors: [RecordCursor], of call: SendCall, by producer: Producer) async -> [RecordCursor] {
        var left: [RecordCursor] = []
        var topics: [String?] = Array(repeating: nil, count: call.streamCount)
        var known: (name: String, handle: OpaquePointer)?
        for cursor in cursors {
            let message = call.messages[cursor.message]
            let stream = call.streams[cursor.message]
            guard call.maySend(cursor.message) else { continue }
            let event = message.events[cursor.event]
            let name = configuration.topic(event)
            guard topics[stream] == nil || topics[stream] == name else {
                // Everything behind it of its stream stays behind it.
                topics[stream] = ""
                left.append(cursor)
                continue
            }
            topics[stream] = name
            if known?.name != name {
                if producer.knownTopic(name) == nil,
                    let error = await onOwnThread(
                        "daybook-kafka-topic",
                        { [patience = configuration.patience] in
                            producer.find(name, by: .now.advanced(by: patience)) { !call.isCancelled }
                        })
                {
                    if error != .stopped { call.fail(cursor.message, .failed(error)) }
                    continue
                }
                guard let handle = producer.knownTopic(name) else { continue }
                known = (name, handle)
            }
            let record = OutgoingRecord(event, form: configuration.form)
            while true {
                let production = producer.produce(
                    record, key: message.key, topic: known!, of: cursor.message, in: call)
                if case .full = production {
                    if call.maySend(cursor.message) {
                        await producer.waitForRoom()
                        continue
                    }
                    rd_kafka_headers_destroy(record.headers)
                }
                if case .failed(let outcome) = production { call.fail(cursor.message, outcome) }
                break
            }
        }
        if !left.isEmpty { await call.wait() }
        return left
    }

    /// The producer, made anew when the former one was retired.
    private func usableProducer() throws(KafkaError) -> Producer {
        try state.withLock { state throws(KafkaError) in
            if state.isClosed { throw .stopped }
            if let producer = state.producer, producer.retired == nil { return producer }
            let former = state.producer
            let producer = try Producer(configuration, isSolo: former?.nextIsSolo ?? false)
            state.producer = producer
            return producer
        }
    }

    /// Waits until what was sent is answered, and ends the client; nothing can be sent any more.
    ///
    /// - Parameter patience: What has no answer until then has none, and may have been sent.
    public func close(within patience: Duration = .seconds(10)) async {
        let producer = state.withLock { state in
            state.isClosed = true
            return state.producer
        }
        await transactions?.close(within: patience)
        await producer?.close(within: patience)
    }
}

/// A record of a call: an event of one of its messages.
struct RecordCursor {
    let message: Int
    let event: Int

    static func all(of call: SendCall) -> [RecordCursor] {
        var cursors: [RecordCursor] = []
        cursors.reserveCapacity(call.messages.count)
        for (index, message) in call.messages.enumerated() {
            for event in message.events.indices { cursors.append(RecordCursor(message: index, event: event)) }
        }
        return cursors
    }
}
#endif
