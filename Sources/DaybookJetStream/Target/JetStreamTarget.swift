#if JetStream
import Daybook
import Synchronization

/// Sends events to a JetStream stream, each under the subject of its own stream, in order.
///
/// ```swift
/// let bus = try JetStreamTarget(
///     .init(servers: "nats://n1:4222", stream: "ACCOUNTS", subjects: JetStreamSubjects(prefix: "accounts")))
/// let publisher = EventPublisher(
///     "warehouse", of: store, try PublishedEvents(AccountEvent.self, source: "/shop"), in: store, to: bus)
/// ```
///
/// An event is acknowledged when the servers say that the stream has it, on a majority of its replicas, and never before.
/// What waits of many streams goes in atomic batches, of which the servers store all or nothing. The first event of each subject
/// in a batch says what must stand last on the subject (`Nats-Expected-Last-Subject-Sequence`): what was sent twice, or comes
/// late, is refused, so that nothing is stored before the event in front of it, whatever is lost and sent again.
///
/// After a crash, a lost answer or a lost connection the servers are asked for the last event on the subject; what this shows to
/// be stored is not sent again. So an event is stored twice only when another sender wrote on the subject in between, and the
/// first is older than the stream's duplicate window. It has the same ``CloudEvent/id`` then. `Nats-Msg-Id` is the prefix, the
/// event's source and its identifier.
///
/// An event that is larger than the servers' `max_payload` or the stream's `max_msg_size` is refused, which stops its stream
/// alone. A stream that is missing, full or without a leader is a failure, to be tried again: nothing is left out when an
/// operator mends it.
public final class JetStreamTarget: BatchPublisherTarget {
    private let configuration: Configuration
    let opening: Opening<TargetStream>
    private let heads = HeadCache<Int64>(capacity: 50_000)

    /// Nothing is asked of the servers yet: the first ``send(_:)`` connects, and finds the stream.
    ///
    /// - Throws: ``JetStreamBusError/unusableSettings(reason:)``.
    public init(_ configuration: Configuration) throws(JetStreamBusError) {
        try configuration.check()
        self.configuration = configuration
        opening = Opening(
            open: { () async throws(JetStreamBusError) in try await TargetStream.open(configuration) },
            close: { await $0.connection.close() })
    }

    public func send(_ messages: [PublisherMessage]) async {
        let stream: TargetStream
        do throws(JetStreamBusError) { stream = try await opening.value() } catch {
            if Task.isCancelled { return }
            configuration.report(error)
            // The first of each key says why.
            var subjects: Set<String> = []
            for message in messages where subjects.insert(configuration.subjects.subject(of: message.key)).inserted {
                message.answer(.failed(reason: error.description))
            }
            return
        }
        let isLost = Mutex(false)
        var configuration = configuration
        configuration.report = { [report = configuration.report] error in
            switch error {
            case .streamMissing, .stopped: isLost.withLock { $0 = true }
            default: break
            }
            report(error)
        }
        await Shipment(stream: stream, configuration: configuration, heads: heads).sendAll(lanes(of: messages))
        // It may be made anew, and be another one then. And a connection does not come back that libnats gave up, as it does
        // when a server refuses it twice, while credentials are changed.
        if isLost.withLock({ $0 }) {
            heads.removeAll()
            await opening.forget { $0 === stream }
        }
    }

    /// Told apart by their subjects: keys that differ in their bytes alone are the same text to Swift.
    private func lanes(of messages: [PublisherMessage]) -> [OutgoingLane] {
        var order: [String] = []
        var entries: [String: [OutgoingLane.Entry]] = [:]
        for message in messages {
            let subject = configuration.subjects.subject(of: message.key)
            if entries[subject] == nil { order.append(subject) }
            for (index, event) in message.events.enumerated() {
                entries[subject, default: []].append(
                    .init(event, of: message, isLast: index == message.events.count - 1, configuration))
            }
        }
        return order.map { subject in
            OutgoingLane(
                subject: subject, entries: entries[subject] ?? [],
                head: heads[subject].map { .remembered($0) } ?? .unknown)
        }
    }

    /// Ends the connection; nothing can be sent any more. What is under way has no answer then, and may have been stored.
    public func close() async { await opening.end() }
}
#endif
