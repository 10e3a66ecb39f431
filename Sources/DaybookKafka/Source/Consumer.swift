#if Kafka
import CRDKafka
import Daybook
import Foundation
import Synchronization

/// One member of a consumer group, with the thread that polls it.
///
/// Each partition has a queue of its own, which is read when its handler is free; so a slow handler fills its queue, and
/// nothing else. The main queue, with the group's news, is polled all the time.
final class Consumer: @unchecked Sendable {
    /// A partition that is assigned to us.
    private final class Lane {
        let topic: String
        let partition: Int32
        let name: String
        /// Of librdkafka.
        let queue: OpaquePointer
        /// What the handler has; guarded by the consumer's condition, as is ``taken``.
        var job: LaneJob?
        /// A batch was not taken, and is not given again by us: nothing behind it may be given.
        var isOver = false
        /// What is to be committed: the offset behind all that was taken.
        var taken: Int64?
        /// Of the thread alone: what the last commit was asked for.
        var committing: Int64?
        /// Of the thread alone: whether it is still to be committed where the group begins, before anything is given.
        var isBeginning = false

        init(topic: String, partition: Int32, queue: OpaquePointer) {
            self.topic = topic
            self.partition = partition
            self.queue = queue
            name = "\(topic)/\(partition)"
        }
    }

    /// Batches to give: one at most for each lane.
    let jobs: AsyncStream<LaneJob>
    private let give: AsyncStream<LaneJob>.Continuation
    private let configuration: KafkaSource.Configuration
    private(set) nonisolated(unsafe) var handle: OpaquePointer!

    /// Guards what follows, and wakes the thread.
    private let condition = NSCondition()
    private var isWoken = false
    private var isStopped = false
    private var isDrained = false
    private var isClosed = false
    private var stopReason: KafkaError?

    /// Of the thread alone.
    private var lanes: [Lane] = []
    /// Lanes that went away while their handlers ran; one that comes again waits for the handler to end.
    private var unfinished: [Lane] = []
    private var isCommitting = false
    private var nextCommit = ContinuousClock.now
    private var headerNames = HeaderNames()

    var failure: KafkaError? { condition.withLock { stopReason } }

    init(_ configuration: KafkaSource.Configuration) throws(KafkaError) {
        self.configuration = configuration
        (jobs, give) = AsyncStream.makeStream(bufferingPolicy: .unbounded)
        let client = try configuration.clientSettings().makeConfiguration()
        rd_kafka_conf_set_rebalance_cb(client) { _, code, partitions, opaque in
            Unmanaged<Consumer>.fromOpaque(opaque!).takeUnretainedValue().rebalance(code, partitions)
        }
        rd_kafka_conf_set_offset_commit_cb(client) { _, code, offsets, opaque in
            Unmanaged<Consumer>.fromOpaque(opaque!).takeUnretainedValue().committed(code, offsets)
        }
        rd_kafka_conf_set_error_cb(client) { _, code, reason, opaque in
            Unmanaged<Consumer>.fromOpaque(opaque!).takeUnretainedValue()
                .troubled(rd_kafka_resp_err_t(code), reason.map { String(cString: $0) } ?? "", lane: nil)
        }
        rd_kafka_conf_set_log_cb(client) { _, _, _, _ in }
        rd_kafka_conf_set_opaque(client, Unmanaged.passUnretained(self).toOpaque())
        var text = [CChar](repeating: 0, count: 512)
        guard let handle = rd_kafka_new(RD_KAFKA_CONSUMER, client, &text, text.count) else {
            rd_kafka_conf_destroy(client)
            throw .unusableSettings(reason: text.string)
        }
        self.handle = handle
        rd_kafka_poll_set_consumer(handle)
        let topics = rd_kafka_topic_partition_list_new(Int32(configuration.topics.count))
        for topic in configuration.topics {
            rd_kafka_topic_partition_list_add(topics, topic, RD_KAFKA_PARTITION_UA)
        }
        let code = rd_kafka_subscribe(handle, topics)
        rd_kafka_topic_partition_list_destroy(topics)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            rd_kafka_destroy(handle)
            throw .unusableSettings(reason: "\(code.name): \(code.text)")
        }
        startThread("daybook-kafka-consumer") { self.poll() }
    }

    // MARK: From other threads

    /// Gives no more; the first reason counts.
    func stop(_ reason: KafkaError?) {
        condition.withLock {
            if !isStopped { stopReason = reason }
            isStopped = true
            isWoken = true
            condition.broadcast()
        }
    }

    /// Commits and leaves the group, when no handler runs any more.
    func close() async {
        condition.withLock {
            isStopped = true
            isDrained = true
            isWoken = true
            condition.broadcast()
        }
        await onOwnThread("daybook-kafka-close") { [self] in
            condition.withLock { while !isClosed { condition.wait() } }
        }
    }

    private func wake() {
        condition.withLock {
            isWoken = true
            condition.broadcast()
        }
    }

    // MARK: The thread

    private func poll() {
        let main = rd_kafka_queue_get_consumer(handle)
        wakeWhenFilled(main)
        while true {
            let (stopped, drained) = condition.withLock {
                if !isWoken { _ = condition.wait(until: Date(timeIntervalSinceNow: 0.1)) }
                isWoken = false
                return (isStopped, isDrained)
            }
            if stopped { give.finish() }
            while let record = rd_kafka_consumer_poll(handle, 0) {
                // Partitions have queues of their own, so that this is an error.
                let partition = record.pointee.partition
                let lane = record.pointee.rkt.map { "\(String(cString: rd_kafka_topic_name($0)))/\(partition)" }
                troubled(record.pointee.err, String(cString: rd_kafka_message_errstr(record)), lane: lane)
                rd_kafka_message_destroy(record)
            }
            unfinished.removeAll { lane in condition.withLock { lane.job == nil } }
            // It may have been stopped by what was polled.
            if !condition.withLock({ isStopped }) { for lane in lanes { fill(lane) } }
            commit()
            if drained { break }
        }
        rd_kafka_queue_cb_event_enable(main, nil, nil)
        rd_kafka_queue_destroy(main)
        // Gives the partitions back, by way of a last rebalance.
        rd_kafka_consumer_close(handle)
        release(lanes)
        lanes = []
        rd_kafka_destroy(handle)
        condition.withLock {
            isClosed = true
            condition.broadcast()
        }
    }

    private func wakeWhenFilled(_ queue: OpaquePointer?) {
        rd_kafka_queue_cb_event_enable(
            queue, { _, opaque in Unmanaged<Consumer>.fromOpaque(opaque!).takeUnretainedValue().wake() },
            Unmanaged.passUnretained(self).toOpaque())
    }

    /// Gives the lane's handler what was fetched, when it is free.
    private func fill(_ lane: Lane) {
        // No more room is made than is needed, however large a batch may be.
        let count = min(rd_kafka_queue_length(lane.queue), configuration.batch)
        guard count > 0, !lane.isBeginning, condition.withLock({ lane.job == nil && !lane.isOver }) else { return }
        guard !unfinished.contains(where: { $0.name == lane.name }) else { return }
        let records = [UnsafeMutablePointer<rd_kafka_message_t>](
            unsafeUninitializedCapacity: count
        ) { buffer, taken in
            // The array is of pointers that may be nil for C alone.
            taken = buffer.baseAddress!.withMemoryRebound(
                to: UnsafeMutablePointer<rd_kafka_message_t>?.self, capacity: count
            ) { max(0, rd_kafka_consume_batch_queue(lane.queue, 0, $0, count)) }
        }
        guard !records.isEmpty else { return }
        var messages: [ReceivedMessage] = []
        messages.reserveCapacity(records.count)
        var next: Int64?
        var isBroken = false
        for record in records {
            defer { rd_kafka_message_destroy(record) }
            guard !isBroken else { continue }
            guard record.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR else {
                // The client would go on behind what it cannot read; we do not.
                isBroken = Self.isUnreadable(record.pointee.err)
                troubled(record.pointee.err, String(cString: rd_kafka_message_errstr(record)), lane: lane.name)
                continue
            }
            let incoming = IncomingRecord(record, lane: lane.name, names: &headerNames)
            messages.append(incoming.message)
            next = incoming.offset + 1
        }
        guard let next else { return }
        nonisolated(unsafe) let lane = lane
        let job = LaneJob(ReceivedBatch(lane: lane.name, messages: messages), next: next) { [self] isTaken in
            condition.withLock {
                lane.job = nil
                if isTaken { lane.taken = next } else { lane.isOver = true }
                isWoken = true
                condition.broadcast()
            }
        }
        condition.withLock { lane.job = job }
        give.yield(job)
    }

    // MARK: Offsets

    /// Commits what was taken, in one request at a time.
    private func commit() {
        guard !isCommitting, ContinuousClock.now >= nextCommit else { return }
        let offsets = offsetsToCommit(of: lanes)
        guard let offsets else { return }
        defer { rd_kafka_topic_partition_list_destroy(offsets) }
        let code = rd_kafka_commit(handle, offsets, 1)
        if code == RD_KAFKA_RESP_ERR_NO_ERROR { isCommitting = true } else { committed(code, offsets) }
    }

    private func offsetsToCommit(of lanes: [Lane]) -> UnsafeMutablePointer<rd_kafka_topic_partition_list_t>? {
        var list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?
        for lane in lanes {
            guard let taken = condition.withLock({ lane.taken }), taken != lane.committing else { continue }
            list = list ?? rd_kafka_topic_partition_list_new(Int32(lanes.count))
            rd_kafka_topic_partition_list_add(list, lane.topic, lane.partition).pointee.offset = taken
            lane.committing = taken
        }
        return list
    }

    private func committed(
        _ code: rd_kafka_resp_err_t, _ offsets: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?
    ) {
        isCommitting = false
        note(code, offsets)
    }

    /// Notes what became of a commit, of each partition.
    private func note(
        _ code: rd_kafka_resp_err_t, _ offsets: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?
    ) {
        var failed: [String] = []
        var reason = code
        for index in 0..<Int(offsets?.pointee.cnt ?? 0) {
            let offset = offsets!.pointee.elems[index]
            let name = "\(String(cString: offset.topic))/\(offset.partition)"
            guard code != RD_KAFKA_RESP_ERR_NO_ERROR || offset.err != RD_KAFKA_RESP_ERR_NO_ERROR else {
                for lane in lanes where lane.name == name { lane.isBeginning = false }
                continue
            }
            if offset.err != RD_KAFKA_RESP_ERR_NO_ERROR { reason = offset.err }
            failed.append(name)
        }
        guard !failed.isEmpty else { return }
        for lane in lanes where failed.contains(lane.name) { lane.committing = nil }
        nextCommit = .now.advanced(by: .milliseconds(200))
        configuration.report(
            .notCommitted(lane: failed.joined(separator: ", "), code: reason.name, reason: reason.text))
    }

    /// How long the brokers have for the last commit.
    private static let lastCommitPatience: Int32 = 10_000

    /// Commits what was taken of lanes that go away, and waits for the answer.
    private func commitNow(_ lanes: [Lane]) {
        for lane in lanes { lane.committing = nil }
        guard let offsets = offsetsToCommit(of: lanes) else { return }
        defer { rd_kafka_topic_partition_list_destroy(offsets) }
        let answers = rd_kafka_queue_new(handle)
        defer { rd_kafka_queue_destroy(answers) }
        let code = rd_kafka_commit_queue(handle, offsets, answers, nil, nil)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { return note(code, offsets) }
        guard let answer = rd_kafka_queue_poll(answers, Self.lastCommitPatience) else {
            return note(RD_KAFKA_RESP_ERR__TIMED_OUT, offsets)
        }
        defer { rd_kafka_event_destroy(answer) }
        // Of some partitions alone it may have failed.
        note(rd_kafka_event_error(answer), rd_kafka_event_topic_partition_list(answer) ?? offsets)
    }

    // MARK: The group

    private func rebalance(
        _ code: rd_kafka_resp_err_t, _ partitions: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?
    ) {
        let isCooperative = String(cString: rd_kafka_rebalance_protocol(handle)) == "COOPERATIVE"
        var failure: ClientFailure?
        if code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            var new: [Lane] = []
            for partition in Self.partitions(partitions) {
                guard let queue = rd_kafka_queue_get_partition(handle, partition.topic, partition.number) else {
                    continue
                }
                rd_kafka_queue_forward(queue, nil)
                wakeWhenFilled(queue)
                new.append(Lane(topic: partition.topic, partition: partition.number, queue: queue))
            }
            lanes += new
            if configuration.start == .latest { beginAtTheEnd(new, partitions) }
            if isCooperative {
                failure = ClientFailure(consuming: rd_kafka_incremental_assign(handle, partitions))
            } else {
                let code = rd_kafka_assign(handle, partitions)
                if code != RD_KAFKA_RESP_ERR_NO_ERROR { failure = ClientFailure(code) }
            }
            commitNow(new)
        } else {
            let isLost = rd_kafka_assignment_lost(handle) != 0
            let revoked = Set(Self.partitions(partitions).map { "\($0.topic)/\($0.number)" })
            let leaving = isCooperative ? lanes.filter { revoked.contains($0.name) } : lanes
            lanes.removeAll { lane in leaving.contains { $0 === lane } }
            finish(leaving, isLost: isLost)
            if isCooperative {
                failure = ClientFailure(consuming: rd_kafka_incremental_unassign(handle, partitions))
            } else {
                let code = rd_kafka_assign(handle, nil)
                if code != RD_KAFKA_RESP_ERR_NO_ERROR { failure = ClientFailure(code) }
            }
            if code != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS {
                configuration.report(.troubled(code: code.name, reason: code.text))
            }
        }
        if let failure { configuration.report(.troubled(code: failure.code.name, reason: failure.reason)) }
        wake()
    }

    /// Has a group that begins at the end of its partitions note where that is, before it takes anything: otherwise what it was
    /// given and did not take would lie before the end when it begins again.
    private func beginAtTheEnd(
        _ new: [Lane], _ partitions: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?
    ) {
        let code = rd_kafka_committed(handle, partitions, Self.lastCommitPatience)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let list = partitions?.pointee else {
            return stop(.troubled(code: code.name, reason: "The group's offsets are not known: \(code.text)"))
        }
        for index in 0..<Int(list.cnt) where list.elems[index].offset < 0 {
            let known = list.elems[index].err
            guard known == RD_KAFKA_RESP_ERR_NO_ERROR else {
                return stop(.troubled(code: known.name, reason: "The group's offsets are not known: \(known.text)"))
            }
            let (topic, number) = (list.elems[index].topic, list.elems[index].partition)
            var (low, high): (Int64, Int64) = (0, 0)
            let code = rd_kafka_query_watermark_offsets(
                handle, topic, number, &low, &high, Self.lastCommitPatience)
            guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
                return stop(.troubled(code: code.name, reason: "The end of a partition is not known: \(code.text)"))
            }
            list.elems[index].offset = high
            let name = "\(topic.map { String(cString: $0) } ?? "")/\(number)"
            if let lane = new.first(where: { $0.name == name }) {
                lane.isBeginning = true
                condition.withLock { lane.taken = high }
            }
        }
    }

    /// Waits for the handlers of lanes that go away, within the patience, and commits what they took while it is ours.
    private func finish(_ leaving: [Lane], isLost: Bool) {
        let end = Date(in: configuration.patienceAtRevocation)
        let running = condition.withLock { leaving.compactMap(\.job) }
        for job in running { job.revoke() }
        let late = condition.withLock {
            // What is lost may be with another member already, so that there is nothing to wait for.
            while !isLost, !isDrained, leaving.contains(where: { $0.job != nil }), condition.wait(until: end) {}
            return isDrained ? [] : leaving.filter { $0.job != nil }
        }
        unfinished += late
        for lane in late {
            condition.withLock { lane.job }?.cancel()
            configuration.report(.revokedWhileTaken(lane: lane.name))
        }
        if !isLost { commitNow(leaving) }
        release(leaving)
    }

    private func release(_ lanes: [Lane]) {
        for lane in lanes {
            rd_kafka_queue_cb_event_enable(lane.queue, nil, nil)
            rd_kafka_queue_destroy(lane.queue)
        }
    }

    private static func partitions(
        _ list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?
    ) -> [(topic: String, number: Int32)] {
        guard let list else { return [] }
        return (0..<Int(list.pointee.cnt)).map { index in
            (String(cString: list.pointee.elems[index].topic), list.pointee.elems[index].partition)
        }
    }

    // MARK: Errors

    /// Whether a part of the partition itself cannot be read: its checksum is wrong, or its form is unknown.
    private static func isUnreadable(_ code: rd_kafka_resp_err_t) -> Bool {
        [
            RD_KAFKA_RESP_ERR__BAD_MSG, RD_KAFKA_RESP_ERR__BAD_COMPRESSION, RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED,
            RD_KAFKA_RESP_ERR_INVALID_MSG,
        ].contains(code)
    }

    private func troubled(_ code: rd_kafka_resp_err_t, _ reason: String, lane: String?) {
        switch code {
        case RD_KAFKA_RESP_ERR__PARTITION_EOF: return
        case RD_KAFKA_RESP_ERR__FATAL:
            var text = [CChar](repeating: 0, count: 512)
            let fatal = rd_kafka_fatal_error(handle, &text, text.count)
            stop(.clientFailed(code: fatal.name, reason: text.string))
        case _ where Self.isUnreadable(code):
            stop(.unreadable(lane: lane ?? "a partition", code: code.name, reason: reason))
        case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
            stop(.offsetMissing(lane: lane ?? "a partition", code: code.name, reason: reason))
        case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
            stop(.notAuthorized(subject: "the topic of \(lane ?? "the group")", code: code.name, reason: reason))
        case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
            stop(.notAuthorized(subject: "the group '\(configuration.group)'", code: code.name, reason: reason))
        case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__RESOLVE,
            RD_KAFKA_RESP_ERR__AUTHENTICATION, RD_KAFKA_RESP_ERR__SSL:
            configuration.report(.unreachable(servers: configuration.servers, code: code.name, reason: reason))
        case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
            configuration.report(
                .topicUnavailable(
                    topic: lane ?? configuration.topics.joined(separator: ", "), code: code.name, reason: reason))
        default: configuration.report(.troubled(code: code.name, reason: reason))
        }
    }
}
#endif
