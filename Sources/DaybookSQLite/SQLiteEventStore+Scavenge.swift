import DaybookCore
import Foundation

extension SQLiteEventStore {
    /// Removes for good what the readers of a stream cannot see any more: events below a truncation, beyond a count or an
    /// age, of deleted and tombstoned streams.
    ///
    /// Positions and versions stay: the log keeps gaps, which reads pass over. Of each stream its last event stays, so
    /// that versions go on; control streams and receipts stay whole. Nothing that a checkpoint, a read model, a consumer
    /// group or a process manager of this file has not seen is removed, unless the options say so; consumers that keep their
    /// position elsewhere are not known here: bound the run by ``ScavengeOptions/through`` for them.
    ///
    /// What is removed is gone from reads of the whole log as well, from conditions, from rebuilt read models and from the
    /// past. Archived events go from all reads as well; their bytes stay in the archive. A repeated append is still recognised by its command, and by the last of its events where that is kept.
    ///
    /// Works in transactions of some thousand events each; appends and reads go on between them. It may be stopped at any
    /// moment, also by a crash: what was removed by then is removed, and another run does the rest.
    ///
    /// - Parameter progress: Told now and then how many events of how many were removed.
    /// - Complexity: O(streams with settings + events removed).
    @discardableResult
    public func scavenge(
        _ options: ScavengeOptions = ScavengeOptions(),
        progress: (@Sendable (_ done: Int64, _ total: Int64) -> Void)? = nil
    ) async throws(ScavengeError) -> ScavengeReport {
        var report = ScavengeReport()
        report.fileBytesBefore = fileBytes
        let consumers = try await consumers(options)
        let head = signal.head
        var plan = ScavengePlan(
            through: min(options.through?.rawValue ?? head, head), consumed: consumers.first?.position.rawValue ?? .max,
            now: time.now)
        while !plan.isComplete {
            plan = try await reading { [plan] reader throws(StoreFailure) in
                var plan = plan
                try reader.extend(&plan, head: head)
                return plan
            }
        }
        report.streams = Int64(plan.streams.count)
        report.heldBack = plan.heldBack
        if plan.heldBack > 0 { report.consumers = consumers.filter { $0.position.rawValue < plan.lastHidden } }
        let total = plan.events
        let count = max(1, options.eventsPerTransaction)
        var done: Int64 = 0
        while !plan.streams.isEmpty {
            let (batch, rest) = try await reading { [plan] reader throws(StoreFailure) in
                var plan = plan
                return (try reader.take(from: &plan, atMost: Self.positionsInMemory, head: head), plan)
            }
            plan = rest
            var positions = batch.positions
            while !positions.isEmpty {
                let next = ScavengeBatch(positions: positions.prefix(count), reasons: batch.reasons)
                positions = positions.dropFirst(count)
                if options.isDryRun {
                    report.events += Int64(next.positions.count)
                    report.bytes += try await reading { reader throws(StoreFailure) in try reader.bytes(of: next) }
                } else {
                    let removed = try await remove(next)
                    report.events += removed.events
                    report.bytes += removed.bytes
                }
                done += Int64(next.positions.count)
                progress?(done, total)
            }
        }
        if options.compacts, !options.isDryRun { try await compact() }
        report.fileBytesAfter = fileBytes
        return report
    }

    private static let positionsInMemory = 1_000_000

    private var fileBytes: Int64 {
        ["", "-wal"].reduce(0) { sum, suffix in
            let attributes = try? FileManager.default.attributesOfItem(atPath: path + suffix)
            return sum + ((attributes?[.size] as? NSNumber)?.int64Value ?? 0)
        }
    }

    /// The consumers that the options do not pass over, the one furthest behind first.
    private func consumers(_ options: ScavengeOptions) async throws(ScavengeError) -> [ScavengeReport.Consumer] {
        guard !options.ignoresConsumers else { return [] }
        let (head, now) = (signal.head, time.now)
        let all = try await reading { reader throws(StoreFailure) in
            let needed: NeededPositions
            do throws(SQLiteFailure) { needed = try NeededPositions(reader) } catch {
                throw StoreFailure(reading: error, fromIndex: false)
            }
            return try needed.all(head: head, now: now)
        }
        return all.filter { !options.ignoredConsumers.contains($0.name) }
    }

    private func reading<Value: Sendable>(
        _ body: @escaping @Sendable (LogReader) throws(StoreFailure) -> Value
    ) async throws(ScavengeError) -> Value {
        do {
            return try await read { reader, _ throws(StoreFailure) in try body(reader) }
        } catch {
            switch error {
            case .cancelled: throw .cancelled
            case .closed: throw .closed
            default: throw .unreadable(error)
            }
        }
    }

    private func remove(_ batch: ScavengeBatch) async throws(ScavengeError) -> (events: Int64, bytes: Int64) {
        let path = path
        return try await upkeep { thread throws(ScavengeError) in
            do throws(StoreFailure) { return try thread.scavenge(batch) } catch {
                switch error {
                case .sqlite: throw .storageFailed(reason: error.reason(file: path))
                default: throw .unreadable(error.readError(file: path))
                }
            }
        }
    }

    /// Makes the file as small as what it holds. Appends wait until it is done; reads go on.
    ///
    /// SQLite copies everything twice, into a temporary file and through the write-ahead log; a crash leaves the file as it
    /// was.
    ///
    /// - Throws: ``ScavengeError/noRoom(file:needed:free:)`` when there is no room for the two copies.
    public func compact() async throws(ScavengeError) {
        try await upkeep { thread throws(ScavengeError) in try thread.compact() }
    }

    /// Has the writer do something between two groups of appends.
    private func upkeep<Value: Sendable>(
        _ body: @escaping @Sendable (WriterThread) throws(ScavengeError) -> Value
    ) async throws(ScavengeError) -> Value {
        guard !Task.isCancelled else { throw .cancelled }
        let result: Result<Value, ScavengeError> = await withUnsafeContinuation { continuation in
            let job = GroupCommitter.Job.upkeep { thread in
                continuation.resume(returning: Result { () throws(ScavengeError) in try body(thread) })
            }
            if !committer.submit(job) { continuation.resume(returning: .failure(.closed)) }
        }
        return try result.get()
    }
}
