#if Kafka
import CRDKafka
import Daybook
import DaybookCore
import Foundation
import Synchronization

/// Sends in transactions, one after the other, each of all calls that wait; on a thread of its own, since the client's calls
/// block.
final class TransactionSender: @unchecked Sendable {
    private final class Job: Sendable {
        let call: SendCall
        /// Whether it is of one stream, and in a transaction without others.
        let isAlone: Bool
        private let waiter = Mutex<(isOver: Bool, continuation: CheckedContinuation<Void, Never>?)>((false, nil))

        init(_ messages: [PublisherMessage], isAlone: Bool = false) {
            call = SendCall(messages, isTransaction: true)
            self.isAlone = isAlone
        }

        var keys: Set<ConsumerKey> { Set(call.messages.map { ConsumerKey(unchecked: $0.key) }) }

        func finish() {
            let continuation = waiter.withLock { waiter in
                waiter.isOver = true
                defer { waiter.continuation = nil }
                return waiter.continuation
            }
            continuation?.resume()
        }

        func wait() async {
            await withCheckedContinuation { continuation in
                let isOver = waiter.withLock { waiter in
                    if !waiter.isOver { waiter.continuation = continuation }
                    return waiter.isOver
                }
                if isOver { continuation.resume() }
            }
        }
    }

    private let configuration: KafkaTarget.Configuration
    private let id: String
    /// Guards what follows.
    private let condition = NSCondition()
    private var waiting: [Job] = []
    /// Streams for whose sake a transaction was aborted, or may have been: each has its own until one is committed, so that
    /// what cannot be written does not hold up others for ever.
    private var suspects: Set<ConsumerKey> = []
    /// When what is under way is given up, once the sender is stopped.
    private var giveUpAt = Date.distantPast
    private var isStopped = false
    private var isOver = false
    /// Changed by the thread alone.
    private var producer: Producer
    /// Of the thread alone.
    private var isInitialised = false

    init(_ configuration: KafkaTarget.Configuration, id: String) throws(KafkaError) {
        self.configuration = configuration
        self.id = id
        producer = try Producer(configuration, isSolo: false)
        startThread("daybook-kafka-transactions") { self.run() }
    }

    func send(_ messages: [PublisherMessage]) async {
        let (jobs, isTaken): ([Job], Bool) = condition.withLock {
            let made = self.jobs(of: messages)
            if !isStopped { waiting += made }
            condition.signal()
            return (made, !isStopped)
        }
        guard isTaken else {
            for job in jobs { job.call.commit(.stopped) }
            return
        }
        await withTaskCancellationHandler {
            for job in jobs { await job.wait() }
        } onCancel: {
            for job in jobs { job.call.cancel() }
            // A commit that is under way may still tell how it ends.
            startThread("daybook-kafka-cancel") {
                Thread.sleep(forTimeInterval: 1)
                for job in jobs {
                    job.call.abandon(afterWaiting: .zero)
                    job.finish()
                }
            }
        }
    }

    /// Within the lock: each suspect by itself, and all others together.
    private func jobs(of messages: [PublisherMessage]) -> [Job] {
        if suspects.isEmpty { return [Job(messages)] }
        var others: [PublisherMessage] = []
        var alone: [ConsumerKey: [PublisherMessage]] = [:]
        for message in messages {
            let key = ConsumerKey(unchecked: message.key)
            if suspects.contains(key) { alone[key, default: []].append(message) } else { others.append(message) }
        }
        let rest = alone.sorted { $0.key < $1.key }.map { Job($0.value, isAlone: true) }
        return others.isEmpty ? rest : [Job(others)] + rest
    }

    // MARK: The thread

    /// Milliseconds after which a call of the client that waits for brokers returns, so that it can be seen whether to go on.
    private static let askAgain: Int32 = 1000

    private func run() {
        while let jobs = next() {
            let error = send(jobs)
            if error == nil, jobs[0].isAlone { condition.withLock { suspects.subtract(jobs[0].keys) } }
            var ended = jobs
            // Another sender has taken over, perhaps long ago: to begin anew for what waited would fence it in its turn, and
            // put old events behind its own.
            if case .fenced? = error { ended += takeWaiting() }
            for job in ended {
                job.call.commit(error)
                job.finish()
            }
        }
        producer.retire(.stopped)
        let left = condition.withLock {
            isOver = true
            condition.broadcast()
            defer { waiting = [] }
            return waiting
        }
        for job in left {
            job.call.commit(.stopped)
            job.finish()
        }
    }

    private func next() -> [Job]? {
        condition.withLock {
            while waiting.isEmpty, !isStopped { condition.wait() }
            if isStopped { return nil }
            let count = waiting[0].isAlone ? 1 : waiting.prefix { !$0.isAlone }.count
            defer { waiting.removeFirst(count) }
            return Array(waiting.prefix(count))
        }
    }

    private func takeWaiting() -> [Job] {
        condition.withLock {
            defer { waiting = [] }
            return waiting
        }
    }

    /// How many calls wait for the transaction that is under way; for tests.
    var waitingCalls: Int { condition.withLock { waiting.count } }

    /// - Returns: Why nothing of it was committed.
    private func send(_ jobs: [Job]) -> KafkaError? {
        do throws(KafkaError) {
            if producer.retired != nil || producer.nextIsSolo != producer.isSolo {
                producer.retire(.stopped)
                let next = try Producer(configuration, isSolo: producer.nextIsSolo)
                condition.withLock { self.producer = next }
                isInitialised = false
            }
            let producer = producer
            try producer.withClient { () throws(KafkaError) in
                try initialise(producer, for: jobs)
                try transaction(of: jobs, by: producer)
            }
            return nil
        } catch {
            return error
        }
    }

    /// Fences a former sender of the same identifier, and aborts what it left open.
    private func initialise(_ producer: Producer, for jobs: [Job]) throws(KafkaError) {
        if isInitialised { return }
        let deadline = ContinuousClock.now.advanced(by: configuration.patience)
        while let failure = ClientFailure(consuming: rd_kafka_init_transactions(producer.handle, Self.askAgain)) {
            let error = producer.error(failure)
            if failure.isFatal || !failure.isRetriable {
                producer.retire(error)
                throw error
            }
            if ContinuousClock.now >= deadline || isGivenUp(jobs) {
                producer.retire(error)
                throw producer.trouble ?? error
            }
        }
        isInitialised = true
    }

    private func transaction(of jobs: [Job], by producer: Producer) throws(KafkaError) {
        let missing = missingTopics(of: jobs, by: producer)
        try perform(by: producer) { rd_kafka_begin_transaction(producer.handle) }
        for job in jobs {
            let call = job.call
            for cursor in RecordCursor.all(of: call) where call.maySend(cursor.message) {
                let message = call.messages[cursor.message]
                let event = message.events[cursor.event]
                let name = configuration.topic(event)
                if let error = missing[name] {
                    call.fail(cursor.message, .failed(error))
                    continue
                }
                guard let handle = producer.knownTopic(name) else { continue }
                produce(OutgoingRecord(event, form: configuration.form), (name, handle), cursor, of: call, by: producer)
            }
        }
        // When the time is over, whether it was committed is not known, and to ask again is how to learn it.
        var failure = ClientFailure(consuming: rd_kafka_commit_transaction(producer.handle, Self.askAgain))
        while let again = failure, again.isRetriable, !isGivenUp(jobs) {
            failure = ClientFailure(consuming: rd_kafka_commit_transaction(producer.handle, Self.askAgain))
        }
        for job in jobs { producer.settled(job.call) }
        guard let failure else { return }
        let error = producer.error(failure)
        if failure.requiresAbort {
            abort(by: producer)
            suspect(jobs, failure.code, by: producer)
        } else {
            producer.retire(error)
        }
        if case .clientFailed(let code, let reason) = error {
            throw .transactionAborted(transactionalID: id, code: code, reason: reason)
        }
        throw error
    }

    /// Why topics cannot be written, asked for before the transaction begins: its time is bounded. All have the patience of one.
    private func missingTopics(of jobs: [Job], by producer: Producer) -> [String: KafkaError] {
        let deadline = ContinuousClock.now.advanced(by: configuration.patience)
        var missing: [String: KafkaError] = [:]
        var seen: Set<String> = []
        for job in jobs {
            for event in job.call.messages.flatMap(\.events) {
                let name = configuration.topic(event)
                guard seen.insert(name).inserted else { continue }
                missing[name] = producer.find(name, by: deadline) { !self.isGivenUp(jobs) }
            }
        }
        return missing
    }

    /// What aborts a transaction without any stream being at fault.
    private static let faultOfNone = [
        RD_KAFKA_RESP_ERR__TIMED_OUT, RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, RD_KAFKA_RESP_ERR__TRANSPORT,
        RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, RD_KAFKA_RESP_ERR__FENCED, RD_KAFKA_RESP_ERR_PRODUCER_FENCED,
        RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH,
    ]

    /// Suspects the streams of which a broker took no record, or all where none is named.
    private func suspect(_ jobs: [Job], _ code: rd_kafka_resp_err_t, by producer: Producer) {
        // A record that is too large is found by the next producer.
        guard producer.nextIsSolo == producer.isSolo, !Self.faultOfNone.contains(code) else { return }
        // The number of a record that was refused is missing from then on, and the broker takes no later one: the next producer
        // counts from 0.
        producer.retire(.stopped)
        let named = jobs.reduce(into: Set<ConsumerKey>()) { $0.formUnion($1.call.keysNotTaken) }
        let all = jobs.reduce(into: Set<ConsumerKey>()) { $0.formUnion($1.keys) }
        condition.withLock { suspects.formUnion(named.isEmpty ? all : named) }
    }

    private func produce(
        _ record: OutgoingRecord, _ topic: (String, OpaquePointer), _ cursor: RecordCursor, of call: SendCall,
        by producer: Producer
    ) {
        while true {
            switch producer.produce(
                record, key: call.messages[cursor.message].key, topic: (topic.0, topic.1), of: cursor.message, in: call)
            {
            case .taken: return
            case .failed(let outcome):
                call.fail(cursor.message, outcome)
                return
            case .full:
                guard call.maySend(cursor.message) else {
                    rd_kafka_headers_destroy(record.headers)
                    return
                }
                Thread.sleep(forTimeInterval: 0.005)
            }
        }
    }

    private func abort(by producer: Producer) {
        while let failure = ClientFailure(consuming: rd_kafka_abort_transaction(producer.handle, Self.askAgain)) {
            if failure.isRetriable, !isTimeOver { continue }
            // The next producer with this identifier aborts it, or the brokers do when its time is over.
            producer.retire(producer.error(failure))
            return
        }
    }

    private func perform(by producer: Producer, _ body: () -> OpaquePointer?) throws(KafkaError) {
        guard let failure = ClientFailure(consuming: body()) else { return }
        let error = producer.error(failure)
        producer.retire(error)
        throw error
    }

    private func isGivenUp(_ jobs: [Job]) -> Bool { isTimeOver || jobs.allSatisfy { $0.call.isCancelled } }

    /// Whether the transaction that is under way is to be given up, since the sender ends.
    private var isTimeOver: Bool { condition.withLock { isStopped && giveUpAt <= Date() } }

    // MARK: Ending

    func stop() {
        condition.withLock {
            isStopped = true
            condition.broadcast()
        }
    }

    /// Ends after the transaction that is under way, which is given up after so long.
    func close(within patience: Duration) async {
        let end = Date(in: patience)
        condition.withLock { giveUpAt = end }
        stop()
        await onOwnThread("daybook-kafka-close") { [self] in
            condition.withLock { while !isOver, condition.wait(until: end) {} }
        }
        let producer = condition.withLock { self.producer }
        await producer.close(within: .zero)
        await onOwnThread("daybook-kafka-close") { [self] in
            condition.withLock { while !isOver { condition.wait() } }
        }
    }
}
#endif
