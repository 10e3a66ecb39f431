import DaybookCore

/// Lets one of several processes do a piece of work, and another one go on with it when the first is gone.
///
/// ```swift
/// let election = LeaderElection("balances", in: store)
/// try await election.run { try await runner.run() }
/// ```
///
/// The members that run it share a lease, kept beside read models: the one that joined first leads, and renews it; the others
/// stand by, and the next one leads when the lease has run out or was given back. Which process leads has no other meaning: any
/// of them may be killed at any time.
///
/// A leader that was asleep does not know at once that it no longer leads. What it writes then must be refused, as it is by what
/// Daybook runs: a ``ProjectionRunner`` is refused by its checkpoint, a ``ProcessRunner`` by its progress, a command by the
/// version of its stream. Such a refusal ends its turn and not its membership: it stands by, or begins the work anew when it leads
/// all the same.
public struct LeaderElection: Sendable {
    public let name: ElectionName
    private let models: any ReadModelStore
    private let policy: ConsumerPolicy
    private let time: TimeSource
    private let clock: any Clock<Duration>

    /// - Parameters:
    ///   - models: Where the lease is kept: the same store for all members.
    ///   - lease: How long a leader may be silent before another one leads, a tenth of a second to a day: as long as nobody does
    ///     the work when a leader dies. It is renewed three times as often.
    ///   - pollInterval: How often members look whose turn it is.
    ///   - time: Leases are reckoned by it: the clocks of members may differ by a small part of the lease.
    ///   - clock: What members sleep by.
    public init(
        _ name: ElectionName, in models: any ReadModelStore, lease: Duration = .seconds(10),
        pollInterval: Duration = .milliseconds(200), time: TimeSource = .system,
        clock: any Clock<Duration> = ContinuousClock()
    ) {
        self.name = name
        self.models = models
        policy = ConsumerPolicy(
            lease: min(max(lease, .milliseconds(100)), .seconds(86_400)), isExclusive: true, pollInterval: pollInterval)
        self.time = time
        self.clock = clock
    }

    /// Takes part until the task is cancelled, then returns; whenever this member leads, it does the work.
    ///
    /// The work's task is cancelled when the member leads no longer, and the next turn begins when it has ended. Work that returns
    /// gives up the lead and ends the membership.
    ///
    /// - Parameters:
    ///   - member: A name that no other running member has. One that is started again under its former name need not wait until
    ///     its former lease has run out.
    ///   - work: Runs until its task is cancelled.
    /// - Throws: What the work throws while the member leads, after giving up the lead; ``ConsumerError`` when the lease can be
    ///   neither read nor saved.
    public func run(
        as member: ConsumerMemberName = .unique(), _ work: @escaping @Sendable () async throws -> Void
    ) async throws {
        while !Task.isCancelled {
            let candidate = Candidate(
                ConsumerLedger(name.group, in: models, startingAfter: .start), policy, time, clock)
            do {
                if try await candidate.run(as: member, work) { return }
            } catch ConsumerError.refused(.leaseLost) {
                // The machine was asleep, or too busy to renew in time: it joins again, behind the others.
            } catch ConsumerError.cancelled where Task.isCancelled {
                return
            }
        }
    }

    /// Who leads; nil when nobody does at the moment.
    public func leader() async throws(ConsumerError) -> ConsumerMemberName? {
        let ledger = ConsumerLedger(name.group, in: models, startingAfter: .start)
        try await ledger.refresh()
        let now = time.now
        return ledger.state.members.values.filter { $0.expiresAt > now }.min { $0.token < $1.token }?.name
    }
}

/// A member while its lease lasts. Used by one task at a time.
private final class Candidate {
    private let ledger: ConsumerLedger
    private let policy: ConsumerPolicy
    private let time: TimeSource
    private let clock: any Clock<Duration>
    private var renewAt = Timestamp(microseconds: 0)

    init(_ ledger: ConsumerLedger, _ policy: ConsumerPolicy, _ time: TimeSource, _ clock: any Clock<Duration>) {
        self.ledger = ledger
        self.policy = policy
        self.time = time
        self.clock = clock
    }

    /// - Returns: Whether the membership is over: the work has returned, or the task is cancelled.
    /// - Throws: ``ConsumerRefusal/leaseLost(token:)`` when the member has to join again.
    func run(as member: ConsumerMemberName, _ work: @escaping @Sendable () async throws -> Void) async throws -> Bool {
        guard case .joined(let token)? = try await save([.join(member)]).first else { return true }
        renewAt = time.now.advanced(by: policy.lease / 3)
        do {
            while !Task.isCancelled {
                guard try await look(token) else {
                    try? await clock.sleep(for: policy.pollInterval)
                    continue
                }
                if try await lead(token, work) { break }
            }
        } catch {
            // Others need not wait for the lease to run out. The failure is what is told, whether or not that worked.
            _ = try? await save([.leave(token: token)])
            throw error
        }
        _ = try? await save([.leave(token: token)])
        return true
    }

    /// Renews the lease when it is time.
    ///
    /// - Returns: Whether the member leads.
    private func look(_ token: Int64) async throws(ConsumerError) -> Bool {
        try await ledger.refresh()
        let now = time.now
        // A lease that has run out is taken away before somebody else leads, so that it cannot be renewed.
        let isNext = ledger.state.members.values.allSatisfy { $0.token >= token || $0.expiresAt <= now }
        if now >= renewAt || isNext && ledger.state.members.keys.min() != token {
            _ = try await save([.renew(token: token)])
            renewAt = now.advanced(by: policy.lease / 3)
        }
        guard let own = ledger.state.members[token], own.expiresAt > time.now else {
            throw .refused(.leaseLost(token: token))
        }
        return ledger.state.isActive(token, policy)
    }

    private enum Turn: Sendable {
        case finished
        case failed(any Error)
        /// It is time to look round.
        case due
    }

    /// Does the work until it ends, or the member leads no longer.
    ///
    /// - Returns: Whether the work has returned.
    private func lead(_ token: Int64, _ work: @escaping @Sendable () async throws -> Void) async throws -> Bool {
        let (clock, interval) = (clock, policy.pollInterval)
        return try await withThrowingTaskGroup(of: Turn.self) { group in
            defer { group.cancelAll() }  // The work has ended when this returns.
            group.addTask {
                do { try await work() } catch { return .failed(error) }
                return .finished
            }
            func lookLater() {
                group.addTask {
                    try? await clock.sleep(for: interval)
                    return .due
                }
            }
            lookLater()
            while !Task.isCancelled, let turn = try await group.next() {
                switch turn {
                case .finished: return !Task.isCancelled
                case .failed where Task.isCancelled: return false
                case .failed(let error):
                    guard try await look(token), !isOvertaken(error) else {
                        try? await clock.sleep(for: interval)
                        return false
                    }
                    throw error
                case .due:
                    guard try await look(token) else { return false }
                    lookLater()
                }
            }
            return false
        }
    }

    private func save(_ inputs: [ConsumerInput]) async throws(ConsumerError) -> [ConsumerAction] {
        let time = time
        return try await ledger.apply(at: { time.now }, policy, inputs)
    }

    /// Whether work was refused because another has gone further meanwhile.
    private func isOvertaken(_ error: any Error) -> Bool {
        switch error {
        case DerivedStateError.checkpointMoved, ProjectionError.store(.checkpointMoved), ProcessError.moved,
            ProcessError.timers(.store(.checkpointMoved)):
            true
        default: false
        }
    }
}
