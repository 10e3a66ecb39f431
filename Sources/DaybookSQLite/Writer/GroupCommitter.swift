import CSQLite
import DaybookCore
import Foundation
import Synchronization

/// What writes, on a thread of its own: takes whatever waits into one transaction, so that many appends share one sync, and looks
/// after the file when nobody waits.
///
/// A failed write or sync is never tried again: after it, the file and the memory of the system may disagree without
/// telling. Nothing more is acknowledged until the store is opened anew.
final class GroupCommitter: Sendable {
    enum Job: Sendable {
        case append(AppendSubmission)
        case derived(DerivedSubmission)
        case importing(ImportSubmission)
        /// Builds the index anew.
        case reindex(progress: (@Sendable (Int64, Int64) -> Void)?, finish: @Sendable (StoreFailure?) -> Void)
        /// Tells what the thread has done and has in memory.
        case inspect(@Sendable (Inspection) -> Void)
        /// Does something to the file in transactions of its own.
        case upkeep(@Sendable (WriterThread) -> Void)
    }

    struct Inspection: Sendable {
        var writer: WriterStatistics
        var connection: ConnectionStatistics
    }

    private let queue = BlockingQueue<Job>(watches: true)
    private let status = StatusBox()
    private let workers: any WorkerGroup
    /// What the thread has done.
    let measures: WriterMeasures

    struct Status: Sendable {
        /// Why nothing is written any more.
        var failure: String?
        var commits: Int64 = 0
        var appends: Int64 = 0
        var walPages = 0
        var indexSegments = 0
        var indexedThrough: Int64 = 0
        /// What the thread's connection had in memory when that was looked at last; nil when nothing was written yet.
        var connection: ConnectionStatistics?
    }

    /// What the writer tells of itself.
    fileprivate final class StatusBox: Sendable {
        let value = Mutex(Status())
    }

    init(_ writer: WriterThread, _ scheduling: any Scheduling) {
        workers = scheduling.makeGroup()
        measures = writer.measures
        writer.tell(status)
        workers.start("daybook-writer", stackBytes: 4 << 20, Owned(WriterLoop(writer, queue, status)))
    }

    /// - Returns: False when the store is closed.
    func submit(_ job: Job) -> Bool { queue.add(job) }

    /// How many jobs wait for the thread.
    var waitingCount: Int { queue.count }

    var currentStatus: Status { status.value.withLock { $0 } }

    /// Takes no more jobs; those that wait are still done.
    func stop() { queue.close() }

    /// Waits until the writer has ended, and its connection is closed.
    func waitForEnd() async { await workers.waitForEnd() }
}

/// Brings the writer its jobs.
private final class WriterLoop: Worker {
    private let writer: WriterThread
    private let queue: BlockingQueue<GroupCommitter.Job>
    private let status: GroupCommitter.StatusBox

    init(_ writer: WriterThread, _ queue: BlockingQueue<GroupCommitter.Job>, _ status: GroupCommitter.StatusBox) {
        self.writer = writer
        self.queue = queue
        self.status = status
    }

    func step(waits: Bool) -> WorkerStep { writer.step(queue, status, waits: waits) }
}

/// What the writing thread owns, and the steps of its loop.
final class WriterThread {
    let connection: Connection
    let log: LogWriter
    private let index: IndexWriter
    private let inline: InlineReadModels
    private let head: HeadSignal
    let path: String
    let configuration: SQLiteEventStore.Configuration
    /// Why nothing is written until the file is opened anew.
    private(set) var failure: String?
    /// Why the log, as it was found, takes no event.
    private var reasonNotToAppend: String?
    /// The end of the log that stands in the file.
    private var savedEnd: LogEnd
    /// Whether a slice of the index could not be written, as on a full disk: the next is tried when there is another job.
    private var sliceFailed = false
    private var meter = WriterMeter()
    var measures: WriterMeasures { meter.measures }
    private let begin: Statement
    private let commit: Statement

    init(
        _ connection: Connection, log: LogWriter, index: IndexWriter, inline: InlineReadModels, head: HeadSignal,
        path: String, configuration: SQLiteEventStore.Configuration, reasonNotToAppend: String?
    ) throws(SQLiteFailure) {
        self.reasonNotToAppend = reasonNotToAppend
        savedEnd = LogEnd(log.committed)
        self.connection = connection
        self.log = log
        self.index = index
        self.inline = inline
        self.head = head
        self.path = path
        self.configuration = configuration
        begin = try connection.prepare("BEGIN IMMEDIATE")
        commit = try connection.prepare("COMMIT")
    }

    /// Writes what waits as one group; when nothing waits, does a piece of what is due behind it.
    fileprivate func step(
        _ queue: BlockingQueue<GroupCommitter.Job>, _ status: GroupCommitter.StatusBox, waits: Bool
    ) -> WorkerStep {
        let limit = configuration.jobsPerTransaction
        if failure == nil {
            guard let waiting = queue.takeWaiting(atMost: limit) else { return end() }
            if !waiting.isEmpty { return take(waiting, queue, status) }
            if configuration.walCheckpoints == .byStore, connection.walPages >= configuration.walPagesWhenIdle {
                let isCopied = checkpointIfDue(atLeast: configuration.walPagesWhenIdle)
                tell(status)
                if isCopied { return .worked }
            } else if index.hasWork, !sliceFailed {
                sliceFailed = !process([])
                tell(status)
                return .worked
            }
        }
        guard let jobs = waits ? queue.take(atMost: limit) : queue.takeWaiting(atMost: limit) else { return end() }
        return jobs.isEmpty ? .idle : take(jobs, queue, status)
    }

    private func take(
        _ jobs: [GroupCommitter.Job], _ queue: BlockingQueue<GroupCommitter.Job>, _ status: GroupCommitter.StatusBox
    ) -> WorkerStep {
        sliceFailed = false
        process(jobs) { group in
            // Whoever was answered last comes back meanwhile: one sync for all of them.
            guard group < min(Self.mostThatJoin, self.configuration.jobsPerTransaction) else { return [] }
            return queue.takeWaiting(atMost: Self.mostThatJoin) { $0.isPartOfGroup } ?? []
        }
        if !checkpointIfDue(atLeast: configuration.walPages), failure == nil, hasRoomToSpare { connection.extendWAL() }
        let groups = status.value.withLock { status in
            status.commits += 1
            status.appends += Int64(jobs.count)
            return status.commits
        }
        if groups % Self.groupsBetweenLooks == 1 {
            let connection = log.reader.connectionStatistics(named: "writer")
            status.value.withLock { $0.connection = connection }
        }
        tell(status)
        return .worked
    }

    /// Tells how the file is, also of what failed while nobody waited.
    fileprivate func tell(_ status: GroupCommitter.StatusBox) {
        status.value.withLock { status in
            status.failure = failure ?? reasonNotToAppend
            status.walPages = connection.walPages
            status.indexSegments = index.segments.count
            status.indexedThrough = index.segments.last?.last ?? 0
        }
    }

    private func end() -> WorkerStep {
        if failure == nil, configuration.walCheckpoints == .byStore { _ = try? copyLog(.truncate) }
        return .ended
    }

    /// - Returns: Whether the write-ahead log was copied.
    @discardableResult
    private func checkpointIfDue(atLeast pages: Int) -> Bool {
        guard configuration.walCheckpoints == .byStore, failure == nil, connection.walPages >= pages else {
            return false
        }
        do {
            let start = ContinuousClock.now
            let isCopied = try copyLog(.passive)
            meter.walCheckpoint(took: ContinuousClock.now - start)
            return isCopied
        } catch {
            // Without room in the database file, or while the log cannot be read, it goes on growing, as far as the reserve
            // allows: nothing was changed that cannot be copied later.
            if !error.isDiskFull, !error.isReadFailure { failure = "copying the write-ahead log: \(error)" }
            return false
        }
    }

    /// Copies the write-ahead log into the database, and first notes down how far the log then reaches.
    private func copyLog(_ mode: Connection.CheckpointMode) throws(SQLiteFailure) -> Bool {
        let end = LogEnd(log.committed)
        if end != savedEnd {
            try end.save(in: connection)
            savedEnd = end
        }
        return try connection.checkpoint(mode)
    }

    // MARK: - One group

    /// So many groups are written until it is looked again at what the connection has in memory.
    private static let groupsBetweenLooks: Int64 = 64

    /// A group that others may join no more takes some milliseconds.
    private static let mostThatJoin = 256

    /// - Parameter joining: Takes what has come meanwhile, for a group of so many.
    /// - Returns: Whether the group was written, and what is due behind it.
    @discardableResult
    private func process(
        _ jobs: [GroupCommitter.Job], joining: (Int) -> [GroupCommitter.Job] = { _ in [] }
    ) -> Bool {
        var group: [GroupCommitter.Job] = []
        for job in jobs {
            switch job {
            case .append, .derived, .importing: if job.begins() { group.append(job) }
            case .reindex(let progress, let finish):
                finish(reindex(progress))
            case .inspect(let finish):
                finish(
                    GroupCommitter.Inspection(
                        writer: meter.statistics(walPages: connection.walPages),
                        connection: log.reader.connectionStatistics(named: "writer")))
            case .upkeep(let body):
                log.recent.removeAll()  // It may remove events.
                body(self)
            }
        }
        if let failure {
            fail(group, "\(path): \(failure); open it again", mayBeWritten: false)
            return false
        }
        if let shortage = spaceShortage(), !group.isEmpty {
            fail(group, shortage, mayBeWritten: false)
            return false
        }
        do {
            try write(&group, joining: joining)
            return true
        } catch .indexDamaged {
            if let failure = reindex(nil) {
                fail(group, failure.reason(file: path), mayBeWritten: false)
                return false
            }
            do {
                try write(&group)
                return true
            } catch {
                return didRollBack(group, error)
            }
        } catch {
            return didRollBack(group, error)
        }
    }

    /// Answers a group that was rolled back. Where something in the file cannot be read, only those that need it fail: each
    /// is written by itself.
    ///
    /// - Returns: Whether all of them were written.
    private func didRollBack(_ group: [GroupCommitter.Job], _ error: StoreFailure) -> Bool {
        switch error {
        case .damaged where group.count > 1, .archive where group.count > 1:
            var areWritten = true
            for job in group where !process([job]) { areWritten = false }
            return areWritten
        default:
            fail(group, error.reason(file: path), mayBeWritten: mayBeWritten)
            return false
        }
    }

    /// Whether the last transaction failed so late that it may be in the file.
    private var mayBeWritten = false

    /// Who has waited for the head, and is at work now, comes back for what was committed meanwhile.
    private static let groupsKeptAfterWaiting = 64
    private var groupsToKeep = 0

    /// Writes a group in one transaction, and answers it when it is durable.
    ///
    /// - Parameters:
    ///   - group: Whoever joins is added.
    /// - Throws: When the transaction was rolled back; nobody was answered.
    private func write(
        _ group: inout [GroupCommitter.Job], joining: (Int) -> [GroupCommitter.Job] = { _ in [] }
    ) throws(StoreFailure) {
        let start = ContinuousClock.now
        groupsToKeep = head.isAwaited ? Self.groupsKeptAfterWaiting : max(groupsToKeep - 1, 0)
        log.keepsEvents = groupsToKeep > 0
        var answers: [@Sendable () -> Void] = []
        answers.reserveCapacity(group.count)
        try transaction {
            var next = 0
            while next < group.count {
                switch group[next] {
                case .append(let submission):
                    let outcome = try append(submission)
                    answers.append { submission.finish(outcome) }
                case .derived(let submission):
                    let outcome = try change(submission)
                    answers.append { submission.finish(outcome) }
                case .importing(let submission):
                    let outcome = try run(submission)
                    answers.append { submission.finish(outcome) }
                case .reindex, .inspect, .upkeep: break
                }
                next += 1
                if next == group.count { group += joining(next).filter { $0.begins() } }
            }
            let isDue = index.hasWork
            let sliceStart = ContinuousClock.now
            do {
                try index.writeSlice(after: log.reader.index)
            } catch let error as StoreFailure {
                // A version that does not follow on the one before is met again by whatever is written next.
                if case .damaged(_, _, let reason) = error { reasonNotToAppend = reason }
                throw error
            }
            if isDue { meter.indexSlice(took: ContinuousClock.now - sliceStart) }
        }
        meter.commit(
            of: group, events: log.last.position - log.committed.position, took: ContinuousClock.now - start)
        log.didCommit()
        if index.didCommit(log.tail) {
            do { try log.reader.index.begin(epoch: log.tail.epoch) } catch { failure = error.reason(file: path) }
        }
        head.publish(log.committed.position)
        configuration.scheduling.resume(answers)
        index.beginFlush(of: log.tail, through: log.committed)
    }

    /// Runs changes in a transaction of their own.
    ///
    /// - Throws: When it was rolled back.
    func transaction<Value>(_ body: () throws -> Value) throws(StoreFailure) -> Value {
        if let failure { throw .stopped(failure) }
        mayBeWritten = false
        do {
            try begin.run()
            let value = try body()
            mayBeWritten = true
            try commit.run()
            mayBeWritten = false
            return value
        } catch let failure as StoreFailure {
            rollBack()
            if case .sqlite(let sqlite) = failure { note(sqlite) }
            throw failure
        } catch let sqlite as SQLiteFailure {
            rollBack()
            note(sqlite)
            throw .sqlite(sqlite)
        } catch {
            rollBack()
            throw .damaged(position: nil, stream: nil, reason: "\(error)")
        }
    }

    private func append(_ submission: AppendSubmission) throws -> AppendSubmission.Outcome {
        if let reasonNotToAppend {
            return .failure(.storageFailed(reason: "\(path): \(reasonNotToAppend)", mayBeWritten: false))
        }
        let decision: Result<AppendDecision, AppendError>
        do throws(StoreFailure) {
            decision = try log.decide(submission.request, digest: submission.digest)
        } catch {
            switch error {
            // Only this request needs what cannot be read, and to decide on it has changed nothing.
            case .damaged where connection.isInTransaction, .archive where connection.isInTransaction:
                return .failure(.storageFailed(reason: error.reason(file: path), mayBeWritten: false))
            default: throw error
            }
        }
        switch decision {
        case .failure(let error): return .failure(error)
        case .success(.answer(let result)): return .success(result)
        case .success(.remember(let result)):
            return .success(try log.remember(submission.request, digest: submission.digest, result))
        case .success(.record):
            let from = log.last
            if inline.isEmpty { return .success(try log.record(submission.request, digest: submission.digest)) }
            try connection.execute("SAVEPOINT append")
            let result = try log.record(submission.request, digest: submission.digest)
            if let refusal = try inline.apply(from.position + 1...max(log.last.position, from.position + 1), log: log) {
                try connection.execute("ROLLBACK TO append; RELEASE append")
                log.didUndo(to: from)
                return .failure(refusal)
            }
            try connection.execute("RELEASE append")
            return .success(result)
        }
    }

    private func run(_ submission: ImportSubmission) throws -> ImportSubmission.Outcome {
        if let reasonNotToAppend {
            return .failure(.storageFailed(reason: "\(path): \(reasonNotToAppend)", mayBeWritten: false))
        }
        let from = log.last
        try connection.execute("SAVEPOINT importing")
        var outcome: ImportSubmission.Outcome
        do {
            try submission.change(log)
            outcome = .success(())
            if !inline.isEmpty, log.last.position > from.position,
                case .refused(let name, let reason)? = try inline.apply(
                    from.position + 1...log.last.position, log: log)
            {
                outcome = .failure(.refused(by: name, reason: reason))
            }
        } catch let error as LogCopyError {
            outcome = .failure(error)
        }
        if case .failure = outcome {
            try connection.execute("ROLLBACK TO importing")
            log.didUndo(to: from)
        }
        try connection.execute("RELEASE importing")
        return outcome
    }

    private func change(_ submission: DerivedSubmission) throws -> DerivedSubmission.Outcome {
        try connection.execute("SAVEPOINT derived")
        do {
            let outcome = try submission.change(log.reader.derivedTables())
            if case .failure = outcome { try connection.execute("ROLLBACK TO derived") }
            try connection.execute("RELEASE derived")
            return outcome
        } catch let failure as SQLiteFailure where failure.primaryCode == SQLITE_CORRUPT {
            try connection.execute("ROLLBACK TO derived; RELEASE derived")
            return .failure(.storageFailed(reason: "\(path): \(failure)"))
        }
    }

    private func rollBack() {
        if connection.isInTransaction {
            do { try connection.execute("ROLLBACK") } catch { failure = "rolling back: \(error)" }
        }
        log.didRollBack()
        index.didRollBack()
    }

    /// Decides whether the store may go on after a failure of SQLite.
    func note(_ sqlite: SQLiteFailure) {
        switch sqlite.primaryCode {
        // A commit that met damage, or could not read what it builds on, may be there, or in part: what is in memory is no
        // longer sure.
        case SQLITE_CORRUPT where mayBeWritten: failure = "\(sqlite)"
        case SQLITE_FULL, SQLITE_BUSY, SQLITE_NOMEM, SQLITE_CORRUPT, SQLITE_TOOBIG: break
        case SQLITE_IOERR where sqlite.isReadFailure && !mayBeWritten: break
        default: failure = "\(sqlite)"
        }
    }

    private func fail(_ group: [GroupCommitter.Job], _ reason: String, mayBeWritten: Bool) {
        for job in group {
            switch job {
            case .append(let submission):
                submission.finish(.failure(.storageFailed(reason: reason, mayBeWritten: mayBeWritten)))
            case .derived(let submission): submission.finish(.failure(.storageFailed(reason: reason)))
            case .importing(let submission):
                submission.finish(.failure(.storageFailed(reason: reason, mayBeWritten: mayBeWritten)))
            case .reindex, .inspect, .upkeep: break
            }
        }
    }

    // MARK: - Upkeep

    /// Writes what leads to the events up to a position from memory to the file.
    func writeIndex(through position: Int64) throws(StoreFailure) {
        while (index.segments.last?.last ?? 0) < position {
            if let failure { throw .stopped(failure) }
            index.beginFlush(of: log.tail, through: log.committed, evenIfSmall: true)
            guard index.hasWork else {
                throw .indexDamaged("nothing in memory leads to position \(position)")
            }
            var nobody: [GroupCommitter.Job] = []
            try write(&nobody)
        }
    }

    /// The disk's free bytes when they were last asked for, and the pages of the write-ahead log at that time.
    private var freeBytes: Int64?
    private var pagesWhenAsked = -1
    /// So many pages are written at most until the disk is asked again.
    private static let pagesBetweenQuestions = 64

    private func spaceShortage() -> String? {
        let isShort = (freeBytes ?? .max) < configuration.freeSpaceReserve
        if isShort || pagesWhenAsked < 0 || abs(connection.walPages - pagesWhenAsked) >= Self.pagesBetweenQuestions {
            freeBytes = OwnerLock.freeBytes(beside: path)
            pagesWhenAsked = connection.walPages
        }
        guard configuration.freeSpaceReserve > 0, let freeBytes, freeBytes < configuration.freeSpaceReserve else {
            return nil
        }
        return
            "\(path): \(freeBytes) bytes are free on its disk, less than the reserve of "
            + "\(configuration.freeSpaceReserve); make room"
    }

    /// Whether the disk has room that nothing may need soon.
    private var hasRoomToSpare: Bool {
        configuration.walCheckpoints == .byStore && (freeBytes ?? 0) - 64 << 20 > configuration.freeSpaceReserve
    }

    // MARK: - The index

    private func reindex(_ progress: (@Sendable (Int64, Int64) -> Void)?) -> StoreFailure? {
        if let failure { return .stopped(failure) }
        let epoch = log.tail.epoch
        let failed = rebuildIndex(progress)
        // Also where another index could not be put in the place of the old one: in between the memory was that of both.
        guard failed == nil || log.tail.epoch != epoch else { return failed }
        log.didRollBack()
        do throws(StoreFailure) {
            try log.reader.index.begin(epoch: log.tail.epoch)
        } catch {
            failure = error.reason(file: path)
            return failed ?? error
        }
        if let failed { return failed }
        do throws(StoreFailure) { reasonNotToAppend = try log.reader.reasonNotToAppend() } catch { return error }
        return nil
    }

    private func rebuildIndex(_ progress: (@Sendable (Int64, Int64) -> Void)?) -> StoreFailure? {
        do {
            let scanner = try LogScanner(log.reader, after: 0)
            try index.rebuild(from: scanner, tail: log.tail, through: log.committed, progress: progress)
            return nil
        } catch let failure as SQLiteFailure {
            note(failure)
            return .sqlite(failure)
        } catch let failure as StoreFailure {
            if case .sqlite(let sqlite) = failure { note(sqlite) }
            return failure
        } catch {
            return .indexDamaged("\(error)")
        }
    }
}

extension GroupCommitter.Job {
    /// Whether it is written together with others.
    fileprivate var isPartOfGroup: Bool {
        switch self {
        case .append, .derived, .importing: true
        case .reindex, .inspect, .upkeep: false
        }
    }

    /// False when nobody waits for it any more, and it is to be left out.
    fileprivate func begins() -> Bool { if case .append(let submission) = self { submission.begin() } else { true } }
}

extension SQLiteFailure {
    /// A read that failed leaves the file as it was.
    var isReadFailure: Bool {
        code == SQLITE_IOERR | 1 << 8 || code == SQLITE_IOERR | 2 << 8
    }
}
