#if Postgres
import DaybookCore
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Writes appends, on a thread of its own: takes whatever waits into one transaction, under the store's lock, so that many
/// appends share the lock and the commit; the next group gathers meanwhile.
///
/// Positions are given under an advisory lock that is held until the commit, also by other processes. So they have no gap,
/// and a reader who sees one sees every lower one.
final class GroupWriter {
    private let configuration: PostgresEventStore.Configuration
    private let address: ServerAddress
    private let id: EventID
    private let queue: JobQueue<AppendSubmission>
    private let signal: HeadSignal
    private let listener: HeadListener
    private let durability: DurabilityBox
    private let lockKey: Int64
    private var connection: Connection?
    /// Stands in the writer's row; a transaction that expects another one undoes itself.
    private var fence: Int64
    /// The number of the last group that was sent.
    private var group: Int64 = 0
    /// A transaction was given up without an answer, and may still come to an end: the fence is to be raised first.
    private var needsFence = false
    private var lastCount = 0
    /// Of the head's signal, before the attempt at hand.
    private var ticket: UInt64 = 0
    private var memory = StreamMemory()
    /// No event in the log is larger than the database says, which is at least this.
    private var largest: Int64 = 0

    init(
        _ connection: Connection, id: EventID, fence: Int64, address: ServerAddress,
        configuration: PostgresEventStore.Configuration, queue: JobQueue<AppendSubmission>, signal: HeadSignal,
        listener: HeadListener, durability: DurabilityBox
    ) {
        self.connection = connection
        self.id = id
        self.fence = fence
        self.address = address
        self.configuration = configuration
        self.queue = queue
        self.signal = signal
        self.listener = listener
        self.durability = durability
        lockKey = Schema.lockKey(of: configuration.schema)
    }

    /// Writes until the queue is closed and empty.
    func run() {
        while let jobs = queue.take(atMost: configuration.appendsPerTransaction) {
            let group = join(jobs).filter { $0.begin() }
            lastCount = group.count
            write(group[...])
        }
        guard let connection, !connection.isLost, !needsFence else { return }
        _ = try? connection.run(GroupStatements.unregister.with { $0.add(id) })
    }

    /// Waits a moment for those who were answered last and are about to come back, so that they share one commit.
    private func join(_ jobs: [AppendSubmission]) -> [AppendSubmission] {
        var jobs = jobs
        guard jobs.count < lastCount else { return jobs }
        let end = ContinuousClock.now + Self.longestJoin
        while jobs.count < lastCount, ContinuousClock.now < end {
            sched_yield()
            jobs += queue.takeWaiting(atMost: configuration.appendsPerTransaction - jobs.count)
        }
        return jobs
    }

    private static let longestJoin = Duration.microseconds(200)

    // MARK: - One group

    /// Writes appends, in groups of a bounded size, until each is answered.
    ///
    /// - Parameter limit: The appends of a group at most.
    /// - Returns: Why a group was given up, if one was: those behind it, which have waited as long, then were, too.
    @discardableResult
    private func write(_ submissions: ArraySlice<AppendSubmission>, atMost limit: Int = .max) -> String? {
        var rest = submissions
        while !rest.isEmpty {
            let count = Self.groupSize(of: rest.prefix(limit).lazy.map(\.request.weight))
            let reason = writeGroup(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
            if let reason {
                refuse(rest, reason, mayBeWritten: false)
                return reason
            }
        }
        return nil
    }

    static let bytesPerTransaction = 32 << 20

    /// How many appends, from the first, go into one transaction: at least one, and no more than have room.
    static func groupSize(of weights: some Sequence<Int>) -> Int {
        var count = 0
        var bytes = 0
        for weight in weights {
            bytes += weight
            guard count == 0 || bytes <= bytesPerTransaction else { break }
            count += 1
        }
        return count
    }

    /// How an attempt to write a group ended.
    private enum Attempt {
        case done([AppendSubmission.Outcome], head: Int64)
        /// Nothing was written, and the same may succeed in a moment.
        case again(String)
        /// Nothing was written, and the same would fail again.
        case refused(String)
        /// The commit was sent, and its answer is not known.
        case unknown([AppendSubmission.Outcome], head: Int64, String)
    }

    /// - Returns: Why it was given up, when no server has answered in time; nil when each append has its answer.
    private func writeGroup(_ submissions: [AppendSubmission]) -> String? {
        let deadline = ContinuousClock.now + configuration.reconnectTimeout
        var pause = Duration.milliseconds(5)
        while true {
            var reason: String
            ticket = signal.ticket
            switch attempt(submissions) {
            case .done(let outcomes, let head):
                finish(submissions, outcomes, head: head)
                return nil
            case .refused(let why):
                // Only the one that cannot be written is to be refused.
                guard submissions.count == 1 else { return write(submissions[...], atMost: 1) }
                refuse(submissions, "\(address.shown): \(why)", mayBeWritten: false)
                return nil
            case .unknown(let outcomes, let head, let why):
                switch settle(until: deadline) {
                case .committed:
                    finish(submissions, outcomes, head: head)
                    return nil
                case .notCommitted: reason = why
                case .forgotten:
                    refuse(
                        submissions, "\(address.shown): \(why); then: the row of this writer was gone",
                        mayBeWritten: true)
                    return nil
                case .unreachable(let last): return giveUp(submissions, "\(why); then: \(last)", mayBeWritten: true)
                }
            case .again(let why): reason = why
            }
            guard ContinuousClock.now < deadline else { return giveUp(submissions, reason, mayBeWritten: false) }
            Self.sleep(pause)
            pause = min(pause * 2, .milliseconds(500))
        }
    }

    private func finish(_ submissions: [AppendSubmission], _ outcomes: [AppendSubmission.Outcome], head: Int64) {
        signal.publish(head, since: ticket)
        listener.announce(head)
        for (submission, outcome) in zip(submissions, outcomes) { submission.finish(outcome) }
    }

    private func refuse(_ submissions: some Sequence<AppendSubmission>, _ reason: String, mayBeWritten: Bool) {
        for submission in submissions {
            submission.finish(.failure(.storageFailed(reason: reason, mayBeWritten: mayBeWritten)))
        }
    }

    /// - Returns: What they were told.
    private func giveUp(_ submissions: [AppendSubmission], _ reason: String, mayBeWritten: Bool) -> String {
        let reason = "\(address.shown): \(reason)"
        refuse(submissions, reason, mayBeWritten: mayBeWritten)
        // Whoever waited as long is told as well, and nobody waits once more for each of them.
        refuse(queue.takeWaiting(atMost: .max).filter { $0.begin() }, reason, mayBeWritten: false)
        return reason
    }

    private func attempt(_ submissions: [AppendSubmission]) -> Attempt {
        let connection: Connection
        do {
            connection = try connected()
            if needsFence { try raiseFence(on: connection) }
        } catch let shortfall as DurabilityShortfall {
            return .refused(shortfall.description)
        } catch {
            drop()
            return .again("\(error)")
        }
        let requests = submissions.map(\.request)
        if let attempt = guess(submissions, requests, on: connection) { return attempt }
        memory.forget()
        var basis: GroupBasis
        var outcomes: [AppendSubmission.Outcome] = []
        var inline = InlineReadModels(configuration.inlineReadModels, on: connection)
        do {
            let rows = try connection.run(
                [Statement.begin.with(), Schema.lock.with { $0.add(lockKey) }]
                    + InlineReadModels.commands(for: configuration.inlineReadModels)
                    + GroupBasis.commands(for: requests))
            basis = try GroupBasis(for: requests, rows.suffix(4), on: connection)
            if let shortfall = shortfall(rows[rows.count - 4], connection) {
                drop()
                return .refused(shortfall.description)
            }
            let models = rows.dropFirst(2).dropLast(4)
            guard models.allSatisfy({ $0.count > 0 && $0.integer(0, 0) == basis.baseHead }) else {
                // Another process appends without these read models.
                rollBack()
                try InlineReadModels.catchUp(configuration, on: connection)
                return .again("an inline read model is behind the log")
            }
            outcomes = try decide(submissions, on: &basis, &inline)
        } catch let failure as ServerFailure {
            return abandon(failure)
        } catch {
            rollBack()
            return .refused("\(error)")
        }
        // Who repeats a request is told of success by a commit as well: what it finds may not be on the standby yet.
        let isAnswered = outcomes.contains { if case .success = $0 { true } else { false } }
        guard !basis.pending.isEmpty || !basis.newReceipts.isEmpty || isAnswered else {
            memory.remember(basis)
            rollBack()  // Forgets it again when the connection breaks: the next server may lack it.
            return .done(outcomes, head: basis.baseHead)
        }
        group += 1
        var commands = [
            GroupStatements.mark.with {
                $0.add(id)
                $0.add(fence)
                $0.add(group)
            }
        ]
        commands += additions(to: basis, inline) + [Statement.commit.with()]
        return commit(commands, basis, outcomes, on: connection, isGuess: false) ?? .again("the group was not written")
    }

    /// Decides on what is remembered, and sends everything in one round trip, where the server compares what was remembered.
    ///
    /// - Returns: Nil when too little is remembered, or it no longer holds, or an append is not simply recorded: only what
    ///   was read under the lock may refuse one, or answer it with an earlier result.
    private func guess(
        _ submissions: [AppendSubmission], _ requests: [AppendRequest], on connection: Connection
    ) -> Attempt? {
        guard configuration.inlineReadModels.isEmpty, let remembered = memory.basis(for: requests, on: connection)
        else { return nil }
        var basis = remembered.basis
        var outcomes: [AppendSubmission.Outcome] = []
        outcomes.reserveCapacity(submissions.count)
        for submission in submissions {
            guard !submission.request.writes.isEmpty,
                case .success(.record) = Result(catching: { () throws(AppendError) in
                    try submission.request.decide(on: &basis, digest: submission.digest)
                })
            else { return nil }
            outcomes.append(
                .success(
                    basis.record(submission.request, digest: submission.digest, now: configuration.time.now)))
        }
        group += 1
        var commands = [
            GroupStatements.markGuess.with {
                $0.add(id)
                $0.add(fence)
                $0.add(group)
                $0.add(lockKey)
                $0.add(configuration.durability == .mayLoseLatestOnFailure)
                $0.add(configuration.durability != .everyCommitOnStandby)
            }
        ]
        let commandIDs = requests.compactMap(\.commandID?.rawValue)
        if !commandIDs.isEmpty || !remembered.missing.isEmpty {
            commands.append(
                GroupStatements.isNew.with {
                    $0.addArray(commandIDs)
                    $0.addArray(remembered.missing.flatMap { [$0.rawValue, $0.control.rawValue] })
                })
        }
        // Behind the end there is nothing that could fit.
        let questions = GroupBasis.questions(in: requests).filter { $0.after < basis.baseHead }
        if !questions.isEmpty { commands.append(GroupBasis.command(GroupStatements.noMatches, for: questions)) }
        commands += additions(to: basis)
        // Without a BEGIN the commands are one transaction, which the end of the round trip commits.
        return commit(commands, basis, outcomes, on: connection, isGuess: true)
    }

    /// The server's settings may be changed while it runs.
    private func shortfall(_ end: Rows, _ connection: Connection) -> DurabilityShortfall? {
        guard configuration.durability != .mayLoseLatestOnFailure else { return nil }
        let commit = PostgresDurability.SynchronousCommit(rawValue: end.text(0, 2)) ?? .off
        if commit < .on { return .synchronousCommit(commit, server: connection.host) }
        guard end.text(0, 3) == "on" else { return .fsync(server: connection.host) }
        if configuration.durability == .everyCommitOnStandby, end.text(0, 4).isEmpty {
            return .noStandby(server: connection.host)
        }
        return nil
    }

    /// Decides each append, in their order, on what those before it have added.
    private func decide(
        _ submissions: [AppendSubmission], on basis: inout GroupBasis, _ inline: inout InlineReadModels
    ) throws(ServerFailure) -> [AppendSubmission.Outcome] {
        var outcomes: [AppendSubmission.Outcome] = []
        outcomes.reserveCapacity(submissions.count)
        for submission in submissions {
            let (request, digest) = (submission.request, submission.digest)
            let decision = Result { () throws(AppendError) in try request.decide(on: &basis, digest: digest) }
            if let failure = basis.failure { throw failure }
            switch decision {
            case .failure(let error): outcomes.append(.failure(error))
            case .success(.answer(let result)): outcomes.append(.success(result))
            case .success(.remember(let result)):
                outcomes.append(.success(basis.remember(request, digest: digest, result)))
            case .success(.record) where configuration.inlineReadModels.isEmpty:
                outcomes.append(.success(basis.record(request, digest: digest, now: configuration.time.now)))
            case .success(.record):
                let before = basis
                let result = basis.record(request, digest: digest, now: configuration.time.now)
                if let refusal = try inline.apply(basis.events(from: before.pending.count)) {
                    basis = before
                    outcomes.append(.failure(refusal))
                } else {
                    outcomes.append(.success(result))
                }
            }
        }
        return outcomes
    }

    /// What a group adds: events and their tags, what its read models and the bound of a page need, and receipts.
    private func additions(to basis: GroupBasis, _ inline: InlineReadModels? = nil) -> [Command] {
        var commands: [Command] = []
        if !basis.pending.isEmpty {
            commands.append(GroupStatements.events(basis.pending, after: basis.baseHead, group: (id, group)))
            if let tags = GroupStatements.tags(basis.pending, after: basis.baseHead) { commands.append(tags) }
            if let inline { commands += inline.commands(head: basis.head.rawValue) }
            if let (size, command) = GroupStatements.largest(of: basis.pending, above: largest) {
                largest = size
                commands.append(command)
            }
        }
        if let receipts = GroupStatements.receipts(basis.newReceipts) { commands.append(receipts) }
        return commands
    }

    /// - Parameter isGuess: Whether the commands may find that the basis does not hold; the result is then nil.
    private func commit(
        _ commands: [Command], _ basis: GroupBasis, _ outcomes: [AppendSubmission.Outcome],
        on connection: Connection, isGuess: Bool
    ) -> Attempt? {
        let head = basis.head.rawValue
        _ = connection.takeWarning()
        do {
            try connection.run(commands)
            try connection.expectStandby(configuration.durability)
        } catch {
            memory.forget()
            largest = 0
            if error.isConnectionLost {
                drop()
                needsFence = true
                return .unknown(outcomes, head: head, error.description)
            }
            if isGuess { return nil }
            if error.sqlState == GroupStatements.divisionByZero {
                rollBack()
                needsFence = true
                return .again("another process has taken over this writer's row")
            }
            return abandon(error)
        }
        if let warning = connection.takeWarning() {
            // The server waits for its standby no longer: it has committed, but the standby may not have it.
            memory.forget()
            needsFence = true
            return .unknown(outcomes, head: head, warning)
        }
        memory.remember(basis)
        return .done(outcomes, head: head)
    }

    /// Ends a transaction that has failed before its commit was sent.
    private func abandon(_ failure: ServerFailure) -> Attempt {
        if failure.isConnectionLost { drop() } else { rollBack() }
        return failure.isWorthRetrying ? .again(failure.description) : .refused(failure.description)
    }

    private func rollBack() {
        do { _ = try connection?.run(Statement.rollBack.with()) } catch { drop() }
        if connection?.isLost ?? false { drop() }
    }

    private func drop() {
        connection = nil
        memory.forget()
        largest = 0
    }

    // MARK: - After a failure

    private enum Settlement {
        case committed, notCommitted
        /// The server tells nothing of it any more.
        case forgotten
        case unreachable(String)
    }

    /// Finds out whether the last group took effect, and sees to it that it cannot any more when it did not.
    ///
    /// The lock is held by the lost transaction until it has ended; raising the fence then undoes it if it is still to
    /// come. And the commit of the raised fence waits for the standby, which then has the group as well.
    private func settle(until deadline: ContinuousClock.Instant) -> Settlement {
        var pause = Duration.milliseconds(5)
        while true {
            var reason: String
            do {
                let connection = try connected()
                guard let last = try raiseFence(on: connection) else { return .forgotten }
                return last == group ? .committed : .notCommitted
            } catch {
                reason = "\(error)"
                drop()
            }
            guard ContinuousClock.now < deadline else { return .unreachable(reason) }
            Self.sleep(pause)
            pause = min(pause * 2, .milliseconds(500))
        }
    }

    /// - Returns: The number of the last group that took effect; nil when there was no row to tell it.
    @discardableResult
    private func raiseFence(on connection: Connection) throws -> Int64? {
        let rows = try connection.commit(
            [
                Statement.begin.with(), Schema.lock.with { $0.add(lockKey) },
                GroupStatements.register(id, committed: -1), GroupStatements.raiseFence.with { $0.add(id) },
                Statement.commit.with(),
            ], configuration.durability)
        fence = rows[3].integer(0, 0)
        needsFence = false
        let last = rows[3].integer(0, 1)
        return last < 0 ? nil : last
    }

    private func connected() throws -> Connection {
        if let connection, !connection.isLost { return connection }
        connection = nil
        let new = try Connection(address)
        let found = try configuration.prepare(new, reusesPlans: true)
        try found.check(configuration.durability)
        durability.value.withLock { $0 = found }
        connection = new
        return new
    }

    private static func sleep(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        usleep(UInt32(seconds * 1_000_000 + attoseconds / 1_000_000_000_000))
    }
}

/// What the server said of its durability when the writer last connected.
final class DurabilityBox: Sendable {
    let value: Mutex<PostgresDurability>

    init(_ value: PostgresDurability) { self.value = Mutex(value) }
}

extension AppendRequest {
    /// About how many bytes it takes to send.
    fileprivate var weight: Int {
        var bytes = 256
        for write in writes {
            bytes += 64 + write.metadata.count
            guard case .append(let events) = write.action else { continue }
            for event in events { bytes += event.data.count + event.metadata.count + 256 + event.tags.count * 32 }
        }
        return bytes
    }
}
#endif
