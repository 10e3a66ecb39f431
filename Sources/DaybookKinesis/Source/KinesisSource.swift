#if Kinesis
import Daybook
import DaybookCore

/// Receives events from a stream of Amazon Kinesis: the other end of a ``KinesisTarget``, or of anyone who puts CloudEvents 1.0
/// in JSON into records, one or an array of them.
///
/// ```swift
/// let source = KinesisSource(stream, checkpoints: "orders from kinesis", in: store)
/// try await source.run { batch in ... }
/// ```
///
/// Each shard is a lane. It begins with the oldest record that Kinesis keeps, or at a given time, and goes on behind the last
/// record that was taken, which is kept in documents of a read model and saved after each batch. When shards are split or
/// merged, a new one is begun once those it came from have been taken to their end, so that the events of a stream stay in
/// order. A record that is no event is given as a failure; what becomes of it is for the receiver to say.
///
/// A source that was away, or had a batch in hand, for longer than Kinesis keeps records does not pass over what is gone, but ends
/// with ``KinesisSourceError/recordsLost(shard:)``.
///
/// *One process at a time runs a source.* A second one is not kept from reading, so that events are given twice; the one that
/// saves later learns of it and ends with ``KinesisSourceError/anotherRuns(shard:)``.
public struct KinesisSource: EventSource {
    private let client: KinesisClient
    private let time: TimeSource
    private let model: ReadModelName
    private let store: any ReadModelStore
    private let policy: KinesisSourcePolicy
    private let clock: any Clock<Duration>
    private let report: @Sendable (KinesisError) -> Void

    /// - Parameters:
    ///   - stream: Where the events are.
    ///   - model: Names the read model with the checkpoints, which is this source's own. Another name reads everything anew.
    ///   - store: Where it is kept how far each shard has been read.
    ///   - policy: Where to begin, and how fast to read.
    ///   - time: What requests say that the time is; also tells how long ago a shard was read.
    ///   - clock: What it sleeps by.
    ///   - report: Told of each request that is to be tried again, such as one without credentials or without an answer: a source
    ///     goes on trying for as long as it takes.
    public init(
        _ stream: KinesisStream, checkpoints model: ReadModelName, in store: any ReadModelStore,
        policy: KinesisSourcePolicy = KinesisSourcePolicy(), time: TimeSource = .system,
        clock: any Clock<Duration> = ContinuousClock(), report: @escaping @Sendable (KinesisError) -> Void = { _ in }
    ) {
        client = KinesisClient(stream, time: time)
        self.time = time
        self.model = model
        self.store = store
        self.policy = policy
        self.clock = clock
        self.report = report
    }

    private enum Step: Sendable {
        case finished(String, KinesisCheckpoints.Progress)
        case lookAgain
    }

    /// Gives batches until the task is cancelled; see `EventSource`. When `take` throws, the source ends with that error, and
    /// begins with the same batch the next time.
    ///
    /// - Throws: ``KinesisSourceError``, or what `take` throws.
    public func run(_ take: @escaping @Sendable (ReceivedBatch) async throws -> Void) async throws {
        do { try await readShards(take) } catch {
            // Whatever broke off then broke off because of it.
            guard Task.isCancelled else { throw error }
        }
    }

    private func readShards(_ take: @escaping @Sendable (ReceivedBatch) async throws -> Void) async throws {
        let summary = try await patiently { try await client.summary() }
        let checkpoints = KinesisCheckpoints(model, in: store)
        var progress = try await checkpoints.load(
            stream: client.stream.name, created: summary.created, startingAt: policy.startingAt)
        try await withThrowingTaskGroup(of: Step.self) { group in
            var running: Set<String> = []
            var isLooking = false
            var gone: Set<String> = []
            while true {
                let tree = try await tree(known: progress, &gone)
                let finished = Set(progress.filter(\.value.isFinished).keys)
                let startable = tree.startable(finished: finished, running: running)
                for shard in startable where progress[shard.id] == nil {
                    guard let start = beginning(of: shard, progress) else { continue }
                    try await checkpoints.save(start, for: shard.id)
                    progress[shard.id] = start
                }
                for shard in tree.forgotten(finished: finished) {
                    try await checkpoints.forget(shard)
                    progress[shard] = nil
                }
                for shard in startable {
                    running.insert(shard.id)
                    let start = progress[shard.id] ?? KinesisCheckpoints.Progress()
                    try checkRecords(of: shard.id, behind: start, summary)
                    group.addTask {
                        .finished(shard.id, try await read(shard.id, from: start, summary, checkpoints, take))
                    }
                }
                if !isLooking {
                    isLooking = true
                    group.addTask {
                        try await clock.sleep(for: policy.shardInterval)
                        return .lookAgain
                    }
                }
                switch try await group.next() {
                case .finished(let shard, let end)?:
                    running.remove(shard)
                    progress[shard] = end
                case .lookAgain?: isLooking = false
                case nil: return
                }
            }
        }
    }

    /// The shards that there are.
    ///
    /// One that is not listed counts as gone when Kinesis says so itself: a child that is begun before its parent was taken
    /// breaks the order, and whether all pages of a list are of one moment is nowhere promised.
    private func tree(
        known: [String: KinesisCheckpoints.Progress], _ gone: inout Set<String>
    ) async throws -> KinesisShardTree {
        let listed = KinesisShardTree(shards: try await patiently { try await client.shards() }, gone: [])
        for shard in listed.unlistedParents.union(known.keys.filter { !listed.lists($0) }).subtracting(gone) {
            do {
                let request = ShardIteratorRequest(
                    streamName: client.stream.name, shardID: shard, type: "TRIM_HORIZON")
                _ = try await patiently { try await client.iterator(request) }
            } catch KinesisSourceError.kinesis(let error) where error.type == "ResourceNotFoundException" {
                if let progress = known[shard], !progress.isFinished {
                    throw KinesisSourceError.recordsLost(shard: shard)
                }
                gone.insert(shard)
            }
        }
        return KinesisShardTree(shards: listed.shards, gone: gone)
    }

    /// What is known of a shard when its parents have been read to their end: what is in it may have waited since then.
    private func beginning(
        of shard: KinesisShard, _ progress: [String: KinesisCheckpoints.Progress]
    ) -> KinesisCheckpoints.Progress? {
        let parents = [shard.parent, shard.adjacentParent].compactMap { $0 }
        return parents.compactMap { progress[$0]?.until }.min().map { KinesisCheckpoints.Progress(until: $0) }
    }

    /// - Throws: ``KinesisSourceError/recordsLost(shard:)``, when Kinesis may have deleted records that were not taken.
    private func checkRecords(
        of shard: String, behind progress: KinesisCheckpoints.Progress, _ summary: StreamSummaryAnswer.Summary
    ) throws(KinesisSourceError) {
        guard let until = progress.until, let retention = summary.retention else { return }
        if until.advanced(by: retention) < time.now { throw .recordsLost(shard: shard) }
    }

    /// Gives what is in one shard, until it is closed and at its end.
    private func read(
        _ shard: String, from start: KinesisCheckpoints.Progress, _ summary: StreamSummaryAnswer.Summary,
        _ checkpoints: KinesisCheckpoints, _ take: @Sendable (ReceivedBatch) async throws -> Void
    ) async throws -> KinesisCheckpoints.Progress {
        let lane = "\(client.stream.name)/\(shard)"
        let first = await checkpoints.start
        var progress = start
        var iterator = try await self.iterator(in: shard, progress, first)
        // To ask may have taken long.
        try checkRecords(of: shard, behind: progress, summary)
        while true {
            let page: GetRecordsAnswer
            do {
                page = try await patiently { try await client.records(iterator, limit: policy.recordsPerBatch) }
            } catch KinesisSourceError.kinesis(let error) where error.type == "ExpiredIteratorException" {
                // An iterator lives for five minutes, and `take` may need longer. By then records may be kept for longer, too.
                let summary = try await patiently { try await client.summary() }
                iterator = try await self.iterator(in: shard, progress, first)
                try checkRecords(of: shard, behind: progress, summary)
                continue
            }
            let until = page.millisecondsBehind.map { time.now.advanced(by: .milliseconds(-$0)) }
            let messages = page.records.flatMap { record in
                KinesisRecordReader.messages(Array(record.data), origin: "\(lane)@\(record.sequenceNumber)")
            }
            if !messages.isEmpty { try await take(ReceivedBatch(lane: lane, messages: messages)) }
            if let last = page.records.last { progress.after = last.sequenceNumber }
            progress.isFinished = page.nextIterator == nil
            if !page.records.isEmpty || progress.isFinished || progress.isWorthNoting(until) {
                progress.until = until ?? progress.until
                try await checkpoints.save(progress, for: shard)
            }
            guard let next = page.nextIterator else { return progress }
            iterator = next
            try await clock.sleep(for: policy.pollInterval)
        }
    }

    private func iterator(
        in shard: String, _ progress: KinesisCheckpoints.Progress, _ first: Timestamp?
    ) async throws -> String {
        do {
            return try await patiently { try await client.iterator(position(in: shard, progress, first)) }
        } catch KinesisSourceError.kinesis(let error)
            where error.type == "InvalidArgumentException" && progress.after != nil
        {
            // Kinesis knows the record of the checkpoint no more.
            throw KinesisSourceError.recordsLost(shard: shard)
        }
    }

    private func position(
        in shard: String, _ progress: KinesisCheckpoints.Progress, _ first: Timestamp?
    ) -> ShardIteratorRequest {
        var request = ShardIteratorRequest(streamName: client.stream.name, shardID: shard, type: "TRIM_HORIZON")
        if let after = progress.after {
            request.type = "AFTER_SEQUENCE_NUMBER"
            request.startingSequenceNumber = after
        } else if let time = first {
            request.type = "AT_TIMESTAMP"
            request.timestamp = Double(time.microseconds) / 1_000_000
        }
        return request
    }

    /// Asks until there is an answer, with longer and longer waits, unless waiting does not help.
    private func patiently<Answer>(_ ask: () async throws -> Answer) async throws -> Answer {
        var failures = 0
        while true {
            try Task.checkCancellation()
            do { return try await ask() } catch let error as KinesisError {
                try Task.checkCancellation()
                guard error.isTransient else { throw KinesisSourceError.kinesis(error) }
                report(error)
                failures += 1
                try await clock.sleep(for: policy.wait(after: failures) * Double.random(in: 0.5...1))
            }
        }
    }
}
#endif
