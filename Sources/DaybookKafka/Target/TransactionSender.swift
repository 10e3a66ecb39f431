#if Kafka
import CRDKafka
import Daybook
import Foundation
import Synchronization

/// Sends in transactions, one after the other, each of all calls that wait; on a thread of its own, since the client's calls
/// block.
final class TransactionSender: @unchecked Sendable {
    private final class Job: Sendable {
        let call: SendCall
        private let waiter = Mutex<(isOver: Bool, continuation: CheckedContinuation<Void, Never>?)>((false, nil))

        init(_ call: SendCall) { self.call = call }

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
        let job = Job(SendCall(messages, isTransaction: true))
        let isTaken = condition.withLock {
            if !isStopped { waiting.append(job) }
            condition.signal()
            return !isStopped
        }
        guard isTaken else {
            job.call.commit(.stopped)
            return
        }
        await withTaskCancellationHandler {
            await job.wait()
        } onCancel: {
            job.call.cancel()
            // A commit that is under way may still tell how it ends.
            let job = job
            startThread("daybook-kafka-cancel") {
                Thread.sleep(forTimeInterval: 1)
                job.call.abandon(afterWaiting: .zero)
                job.finish()
            }
        }
    }

    // MARK: The thread

    /// Milliseconds after which a call of the client that waits for brokers returns, so that it can be seen whether to go on.
    private static let askAgain: Int32 = 1000

    private func run() {
        while let jobs = next() {
            let error = send(jobs)
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
            defer { waiting = [] }
            return waiting
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
        var topics: [String: KafkaError?] = [:]
        try perform(by: producer) { rd_kafka_begin_transaction(producer.handle) }
        for job in jobs {
            let call = job.call
            for cursor in RecordCursor.all(of: call) where call.maySend(cursor.message) {
                let message = call.messages[cursor.message]
                let event = message.events[cursor.event]
                let name = configuration.topic(event)
                if topics[name] == nil {
                    topics[name] = .some(producer.find(name) { !self.isGivenUp(jobs) })
                }
                if let error = topics[name] ?? nil {
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
        } else {
            producer.retire(error)
        }
        if case .clientFailed(let code, let reason) = error {
            throw .transactionAborted(transactionalID: id, code: code, reason: reason)
        }
        throw error
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
        let end = Date(timeIntervalSinceNow: patience / .seconds(1))
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
