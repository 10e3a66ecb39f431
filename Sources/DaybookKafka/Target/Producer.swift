#if Kafka
import CRDKafka
import Foundation
import Synchronization

/// One producer of librdkafka, with the thread that takes its reports.
///
/// It lives until it is retired: by an error that it does not recover from, by a record that failed, or because sending
/// stopped. What it has not sent then is never sent by it, and all that has no report is reported as failed.
final class Producer: @unchecked Sendable {
    private struct State {
        var retired: KafkaError?
        var isDestroyed = false
        var calls: [ObjectIdentifier: SendCall] = [:]
        var topics: [String: ClientPointer] = [:]
        /// Topics that were waited for in vain.
        var missing: Set<String> = []
        var roomWaiters: [CheckedContinuation<Void, Never>] = []
        var endWaiters: [CheckedContinuation<Void, Never>] = []
        /// What the client said last of brokers that are away.
        var lastTrouble: KafkaError?
        var brokerFoundTooLarge = false
        /// Calls of the client under way on other threads, for which it must not be destroyed.
        var users = 0
    }

    /// Set once, when the client is made.
    private(set) nonisolated(unsafe) var handle: OpaquePointer!
    private let configuration: KafkaTarget.Configuration
    /// Bytes of a record that the client itself takes.
    let recordLimit: Int
    /// Each record goes in a request of its own, so that the one that a broker refuses is known.
    let isSolo: Bool
    private let state = Mutex(State())

    /// How long a call that was cancelled waits for the reports of what is under way.
    static let patienceWhenCancelled: Duration = .seconds(1)

    init(_ configuration: KafkaTarget.Configuration, isSolo: Bool) throws(KafkaError) {
        self.configuration = configuration
        self.isSolo = isSolo
        var settings = try configuration.clientSettings()
        recordLimit = try settings.value("message.max.bytes").flatMap { Int($0) } ?? 1_000_000
        if isSolo { settings.set("batch.num.messages", "1") }
        let client = try settings.makeConfiguration()
        rd_kafka_conf_set_dr_msg_cb(client) { _, message, _ in
            guard let message, let opaque = message.pointee._private else { return }
            Unmanaged<RecordUnderWay>.fromOpaque(opaque).takeRetainedValue().ended(message.pointee)
        }
        rd_kafka_conf_set_error_cb(client) { _, code, reason, opaque in
            Unmanaged<Producer>.fromOpaque(opaque!).takeUnretainedValue()
                .troubled(rd_kafka_resp_err_t(code), reason.map { String(cString: $0) } ?? "")
        }
        rd_kafka_conf_set_log_cb(client) { _, _, _, _ in }
        rd_kafka_conf_set_opaque(client, Unmanaged.passUnretained(self).toOpaque())
        var text = [CChar](repeating: 0, count: 512)
        guard let handle = rd_kafka_new(RD_KAFKA_PRODUCER, client, &text, text.count) else {
            rd_kafka_conf_destroy(client)
            throw .unusableSettings(reason: text.string)
        }
        self.handle = handle
        // The thread keeps the producer alive until the client is gone.
        startThread("daybook-kafka-reports") { self.takeReports() }
    }

    // MARK: Reports

    private func takeReports() {
        while true {
            let isRetired = state.withLock { $0.retired != nil }
            rd_kafka_poll(handle, isRetired ? 10 : 100)
            giveUpCancelledCalls()
            for waiter in state.withLock({ state in
                defer { state.roomWaiters = [] }
                return state.roomWaiters
            }) {
                waiter.resume()
            }
            guard isRetired else { continue }
            // Nothing is produced once it is retired, so that this finds all that was not sent.
            rd_kafka_purge(handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT)
            if rd_kafka_outq_len(handle) == 0, state.withLock({ $0.users == 0 }) { break }
        }
        let topics = state.withLock { Array($0.topics.values) }
        for topic in topics { rd_kafka_topic_destroy(topic.pointer) }
        rd_kafka_destroy(handle)
        let waiters = state.withLock { state in
            state.isDestroyed = true
            defer { state.endWaiters = [] }
            return state.endWaiters + state.roomWaiters
        }
        for waiter in waiters { waiter.resume() }
    }

    private func giveUpCancelledCalls() {
        let calls = state.withLock { Array($0.calls.values) }
        guard !calls.isEmpty else { return }
        for call in calls { call.abandon(afterWaiting: Self.patienceWhenCancelled) }
        // Others may still wait for theirs; then what was given up is sent, ahead of its repetition.
        if calls.allSatisfy(\.isAbandoned), calls.contains(where: { !$0.isIdle }) { retire(.stopped) }
    }

    private func troubled(_ code: rd_kafka_resp_err_t, _ reason: String) {
        if code == RD_KAFKA_RESP_ERR__FATAL {
            retire(error(ClientFailure(code, reason)))
            return
        }
        let error: KafkaError =
            switch code {
            case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__RESOLVE,
                RD_KAFKA_RESP_ERR__AUTHENTICATION, RD_KAFKA_RESP_ERR__SSL:
                .unreachable(servers: configuration.servers, code: code.name, reason: reason)
            default: .troubled(code: code.name, reason: reason)
            }
        state.withLock { state in
            // That all are down says less than why the last one was.
            if code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || state.lastTrouble == nil { state.lastTrouble = error }
        }
        configuration.report(error)
    }

    /// What a failure of the client as a whole means.
    func error(_ failure: ClientFailure) -> KafkaError {
        var failure = failure
        if failure.isFatal || failure.code == RD_KAFKA_RESP_ERR__FATAL {
            // What came first is what it is about.
            var text = [CChar](repeating: 0, count: 512)
            let fatal = rd_kafka_fatal_error(handle, &text, text.count)
            if fatal != RD_KAFKA_RESP_ERR_NO_ERROR { failure = ClientFailure(fatal, text.string) }
        }
        let code = failure.code.name
        switch (failure.code, configuration.delivery) {
        case (RD_KAFKA_RESP_ERR__FENCED, .transactional(let id)),
            (RD_KAFKA_RESP_ERR_PRODUCER_FENCED, .transactional(let id)),
            (RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, .transactional(let id)):
            return .fenced(transactionalID: id, code: code, reason: failure.reason)
        case (RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, .transactional(let id)):
            return .notAuthorized(subject: "the transactional id '\(id)'", code: code, reason: failure.reason)
        case (RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, _):
            return .notAuthorized(subject: "the cluster (IdempotentWrite)", code: code, reason: failure.reason)
        default: return .clientFailed(code: code, reason: failure.reason)
        }
    }

    // MARK: Sending

    enum Production {
        case taken
        case full
        case failed(SendCall.Outcome)
    }

    /// Hands one record to the client, which copies it.
    func produce(
        _ record: OutgoingRecord, key: String, topic: (name: String, handle: OpaquePointer), of message: Int,
        in call: SendCall
    ) -> Production {
        let underWay = Unmanaged.passRetained(RecordUnderWay(call: call, message: message, producer: self))
        call.began(message)
        var key = key
        // Within the lock, so that nothing gets into the client's queue behind a purge.
        let code = state.withLock { state -> rd_kafka_resp_err_t? in
            guard state.retired == nil else { return nil }
            state.calls[ObjectIdentifier(call)] = call
            return key.withUTF8 { key in
                record.value.withUnsafeBytes { value in
                    // An address even for no bytes, since none would be a tombstone.
                    daybook_rdkafka_produce(
                        handle, topic.handle, key.baseAddress ?? UnsafePointer(bitPattern: 1), key.count,
                        value.baseAddress ?? UnsafeRawPointer(bitPattern: 1), value.count, record.headers,
                        underWay.toOpaque())
                }
            }
        }
        if code == RD_KAFKA_RESP_ERR_NO_ERROR { return .taken }
        underWay.release()
        call.didNotBegin(message)
        switch code {
        case RD_KAFKA_RESP_ERR__QUEUE_FULL: return .full
        case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
            rd_kafka_headers_destroy(record.headers)
            return .failed(
                .refused(
                    .recordTooLarge(topic: topic.name, size: record.size + key.utf8.count, limit: recordLimit)))
        case let code?:
            rd_kafka_headers_destroy(record.headers)
            let error = KafkaError.notDelivered(topic: topic.name, code: code.name, reason: code.text)
            retire(error)
            return .failed(.failed(error))
        case nil:
            rd_kafka_headers_destroy(record.headers)
            return .failed(.failed(retired ?? .stopped))
        }
    }

    /// Waits until the client took some reports, at most a tenth of a second or so.
    func waitForRoom() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if state.isDestroyed { return true }
                state.roomWaiters.append(continuation)
                return false
            }
            if isOver { continuation.resume() }
        }
    }

    /// Forgets a call of which nothing is with the client; ``produce(_:key:topic:of:in:)`` knows it again.
    func settled(_ call: SendCall) {
        state.withLock { state in
            if call.isIdle { state.calls[ObjectIdentifier(call)] = nil }
        }
    }

    /// Calls the client on this thread, which may block; it is not destroyed meanwhile.
    ///
    /// - Throws: Why it was retired.
    func withClient<Value>(_ body: () throws(KafkaError) -> Value) throws(KafkaError) -> Value {
        if let reason = state.withLock({ state -> KafkaError? in
            if state.retired == nil { state.users += 1 }
            return state.retired
        }) {
            throw reason
        }
        defer { state.withLock { $0.users -= 1 } }
        return try body()
    }

    // MARK: Topics

    /// The client's handle of a topic that is known to exist.
    func knownTopic(_ name: String) -> OpaquePointer? { state.withLock { $0.topics[name] }?.pointer }

    /// Asks the brokers for a topic until it is there. Blocks until the deadline; one that was missing then is asked for once
    /// the next time, so that it holds up what goes to others only once.
    ///
    /// Before that nothing is sent to it: the client would fail what waits for a topic that is missing, and take what is sent
    /// a moment later, when it is there.
    func find(_ name: String, by deadline: ContinuousClock.Instant, while isWanted: () -> Bool) -> KafkaError? {
        do throws(KafkaError) {
            try withClient { () throws(KafkaError) in try findTopic(name, by: deadline, while: isWanted) }
            return nil
        } catch {
            return error
        }
    }

    private func findTopic(
        _ name: String, by deadline: ContinuousClock.Instant, while isWanted: () -> Bool
    ) throws(KafkaError) {
        if knownTopic(name) != nil { return }
        guard let topic = rd_kafka_topic_new(handle, name, nil).map({ ClientPointer(pointer: $0) }) else {
            let code = rd_kafka_last_error()
            throw .topicUnavailable(topic: name, code: code.name, reason: code.text)
        }
        let wasMissing = state.withLock { $0.missing.contains(name) }
        var last: KafkaError?
        while isWanted(), retired == nil {
            last = look(for: name, topic.pointer)
            if last == nil {
                state.withLock { state in
                    // Another call may have been first; each handle counts.
                    if state.topics[name] != nil { rd_kafka_topic_destroy(topic.pointer) }
                    state.topics[name] = state.topics[name] ?? topic
                    state.missing.remove(name)
                }
                return
            }
            if case .notAuthorized? = last { break }
            if wasMissing || ContinuousClock.now >= deadline {
                if case .topicUnavailable? = last { state.withLock { _ = $0.missing.insert(name) } }
                break
            }
            Thread.sleep(forTimeInterval: 0.1)
        }
        rd_kafka_topic_destroy(topic.pointer)
        throw retired ?? last ?? .stopped
    }

    /// - Returns: Nil when the topic is there.
    private func look(for name: String, _ topic: OpaquePointer) -> KafkaError? {
        var answer: UnsafePointer<rd_kafka_metadata>?
        let code = rd_kafka_metadata(handle, 0, topic, &answer, 1000)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let answer else {
            if let trouble = state.withLock({ $0.lastTrouble }) { return trouble }
            return .unreachable(servers: configuration.servers, code: code.name, reason: code.text)
        }
        defer { rd_kafka_metadata_destroy(answer) }
        guard answer.pointee.topic_cnt > 0 else {
            return .topicUnavailable(topic: name, code: "UNKNOWN_TOPIC_OR_PART", reason: "no broker named it")
        }
        let found = answer.pointee.topics[0]
        switch found.err {
        case RD_KAFKA_RESP_ERR_NO_ERROR where found.partition_cnt > 0: return nil
        case RD_KAFKA_RESP_ERR_NO_ERROR:
            return .topicUnavailable(topic: name, code: "LEADER_NOT_AVAILABLE", reason: "it has no partitions yet")
        case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
            return .notAuthorized(subject: "the topic '\(name)'", code: found.err.name, reason: found.err.text)
        default: return .topicUnavailable(topic: name, code: found.err.name, reason: found.err.text)
        }
    }

    // MARK: Ending

    /// Why nothing more is sent; nil while it is in use.
    var retired: KafkaError? { state.withLock { $0.retired } }

    /// What the client said last of brokers that are away.
    var trouble: KafkaError? { state.withLock { $0.lastTrouble } }

    /// Whether the producer after this one sends each record alone: when a broker found a batch too large, until it is known
    /// for which record's sake.
    var nextIsSolo: Bool { state.withLock { $0.brokerFoundTooLarge != isSolo } }

    /// Sends nothing more; what has no report is reported as failed, and the client is destroyed. The first reason counts.
    func retire(_ reason: KafkaError) {
        let isFirst = state.withLock { state in
            guard state.retired == nil else { return false }
            state.retired = reason
            return true
        }
        if isFirst, reason != .stopped { configuration.report(reason) }
    }

    /// Waits for the reports of what is under way, at most so long, and then ends.
    func close(within patience: Duration) async {
        let deadline = ContinuousClock.now.advanced(by: patience)
        while state.withLock({ $0.retired == nil && !$0.calls.isEmpty }), ContinuousClock.now < deadline {
            await waitForRoom()
        }
        retire(.stopped)
        await end()
    }

    /// Waits until the client is destroyed, after ``retire(_:)``.
    private func end() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if state.isDestroyed { return true }
                state.endWaiters.append(continuation)
                return false
            }
            if isOver { continuation.resume() }
        }
    }

    /// Reads the client's report for a record.
    fileprivate func outcome(_ report: rd_kafka_message_t) -> SendCall.Outcome {
        guard report.err != RD_KAFKA_RESP_ERR_NO_ERROR else { return .delivered }
        let topic = report.rkt.map { String(cString: rd_kafka_topic_name($0)) } ?? "?"
        if case .transactional(let id) = configuration.delivery {
            // The transaction cannot be committed any more; whoever runs it aborts it.
            if report.err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE {
                let error = KafkaError.recordTooLarge(topic: topic, size: report.len + report.key_len, limit: nil)
                state.withLock { $0.brokerFoundTooLarge = true }
                return isSolo ? .refused(error) : .failed(error)
            }
            // The commit says why.
            if [
                RD_KAFKA_RESP_ERR__PURGE_QUEUE, RD_KAFKA_RESP_ERR__PURGE_INFLIGHT, RD_KAFKA_RESP_ERR__MSG_TIMED_OUT,
            ].contains(report.err) {
                return .failed(.stopped)
            }
            return .failed(.transactionAborted(transactionalID: id, code: report.err.name, reason: report.err.text))
        }
        switch report.err {
        case RD_KAFKA_RESP_ERR__PURGE_QUEUE, RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
            return .failed(retired ?? .stopped)
        case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
            let error = KafkaError.recordTooLarge(topic: topic, size: report.len + report.key_len, limit: nil)
            state.withLock { $0.brokerFoundTooLarge = true }
            retire(error)
            return isSolo ? .refused(error) : .failed(error)
        case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
            let error = KafkaError.notAuthorized(
                subject: "the topic '\(topic)'", code: report.err.name, reason: report.err.text)
            retire(error)
            return .failed(error)
        default:
            let error = KafkaError.notDelivered(topic: topic, code: report.err.name, reason: report.err.text)
            retire(error)
            return .failed(error)
        }
    }
}

/// What the client carries along with a record, and gives back in its report.
private final class RecordUnderWay {
    private let call: SendCall
    private let message: Int
    private let producer: Producer

    init(call: SendCall, message: Int, producer: Producer) {
        self.call = call
        self.message = message
        self.producer = producer
        recordsUnderWay.add(1, ordering: .relaxed)
    }

    deinit { recordsUnderWay.subtract(1, ordering: .relaxed) }

    func ended(_ report: rd_kafka_message_t) {
        call.ended(message, producer.outcome(report))
        if call.isIdle { producer.settled(call) }
    }
}

/// How many records are with clients of this process; for tests, that look for leaks.
let recordsUnderWay = Atomic<Int>(0)
#endif
