import Daybook
import DaybookCore

/// Runs the settlement of trades one by one (``Clearing``), gives back what orders that end no longer need
/// (``OrderRelease``), and confirms each execution to both sides (``Confirmations``).
///
/// Its log settles through it alone: what ``TradingFloor`` records is settled in rounds already, and would be settled
/// twice.
public struct ClearingHouse: Sendable {
    public let cash: CommandHandler<CashAccount>
    public let holdings: CommandHandler<Holdings>
    public let limits: BoundaryHandler<PositionLimit>
    /// Settles trades; its commands that could not be carried out are parked there.
    public let process: ProcessRunner<Clearing>
    public let releases: OrderRelease
    public let confirmations: Confirmations
    let log: any EventStore
    private let policy: ConsumerPolicy

    /// - Parameters:
    ///   - models: Where open deadlines, the state of the sending and the confirmations are kept.
    ///   - policy: How commands are sent and events delivered.
    ///   - member: Under which name. One that is started again under its former name need not wait until the leases of what
    ///     it had in hand have run out; no other may run under it meanwhile.
    ///   - time: Deadlines pass by it.
    ///   - isSilent: Whether a command reaches somebody who does not answer, such as a custodian whose line is down: it
    ///     counts as sent. See ``carryOutLate(of:where:)``.
    public init(
        in log: any EventStore, models: any ReadModelStore, policy: ConsumerPolicy = ConsumerPolicy(),
        member: ConsumerMemberName = .unique(), time: TimeSource = .system,
        isSilent: @escaping @Sendable (ClearingCommand) -> Bool = { _ in false }
    ) {
        let cash = CommandHandler(CashAccount.self, in: log, category: CashAccount.category)
        let holdings = CommandHandler(Holdings.self, in: log, category: Holdings.category)
        let limits = BoundaryHandler(PositionLimit.self, in: log)
        self.log = log
        self.policy = policy
        self.cash = cash
        self.holdings = holdings
        self.limits = limits
        process = ProcessRunner(
            Clearing.self, of: log, in: models, policy: policy, member: member, time: time
        ) { command, id in
            guard !isSilent(command) else { return }
            try await CommandContext.with(reason: command.reason) {
                try await Self.carryOut(command, id, cash, holdings, limits)
            }
        }
        releases = OrderRelease(
            of: log, models: models, cash: cash, holdings: holdings, limits: limits, policy: policy, member: member)
        confirmations = Confirmations(of: log, in: models, policy: policy, member: member)
    }

    /// Runs until the task is cancelled, then returns.
    ///
    /// - Parameter election: Given when other processes run the clearing as well: all of them send commands, release and confirm,
    ///   and the one that leads reacts to what is recorded. Without one, no other may run.
    public func run(electing election: LeaderElection? = nil) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                if let election { try await process.run(electing: election) } else { try await process.run() }
            }
            group.addTask { try await releases.run() }
            group.addTask { try await confirmations.run() }
            while try await group.next() != nil {}
        }
    }

    /// Does all that can be done now, then returns: for a program that runs now and then.
    ///
    /// What is parked stays so. A deadline passes while it runs, and is not waited for.
    public func catchUp() async throws {
        var reached: Position
        repeat {
            reached = try await process.react()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await run() }
                group.addTask {
                    // What members have settled is seen by looking.
                    while try await !isIdle() { try await Task.sleep(for: policy.pollInterval) }
                }
                try await group.next()
                group.cancelAll()
            }
        } while try await hasWork(after: reached)
    }

    /// Whether something was recorded on which somebody acts here.
    private func hasWork(after position: Position) async throws -> Bool {
        let types = ClearingInput.types.union(OrderRelease.types).union(["process.sent"])
        return try await !log.readPage(
            from: .after(position), direction: .forward, filter: EventFilter(types: types), limit: 1
        ).events.isEmpty
    }

    private static func carryOut(
        _ command: ClearingCommand, _ id: CommandID, _ cash: CommandHandler<CashAccount>,
        _ holdings: CommandHandler<Holdings>, _ limits: BoundaryHandler<PositionLimit>
    ) async throws {
        switch command {
        case .pay(let amount, let saved, let account, let order, let execution):
            try await cash.handle(
                .pay(amount, saving: saved, for: order, in: execution), id: account.rawValue, commandID: id)
        case .deliver(let quantity, let account, let order, let execution):
            try await holdings.handle(
                .deliver(quantity, for: order, in: execution), id: account.rawValue, commandID: id)
        case .receiveCash(let amount, let account, let order, let execution):
            try await cash.handle(.receive(amount, for: order, in: execution), id: account.rawValue, commandID: id)
        case .receiveShares(let quantity, let instrument, let account, let order, let execution):
            try await holdings.handle(
                .receive(quantity, of: instrument, for: order, in: execution), id: account.rawValue, commandID: id)
        case .refund(let amount, let account, let order, let execution):
            try await cash.handle(.refund(amount, for: order, in: execution), id: account.rawValue, commandID: id)
        case .giveBack(let quantity, let instrument, let account, let order, let execution):
            try await holdings.handle(
                .takeBack(quantity, of: instrument, for: order, in: execution), id: account.rawValue, commandID: id)
        case .releaseReservation(let quantity, let account, let order):
            try await limits.handle(.release(quantity, for: order, on: account), commandID: id)
        }
    }

    /// Carries out the commands of a trade that had been met by silence, under the identifiers under which they were sent:
    /// one that was carried out before is not carried out again.
    ///
    /// A rejection is not answered to the trade any more, whose deadline has passed or will.
    ///
    /// - Parameter isMeant: Which of the trade's commands.
    public func carryOutLate(
        of execution: ExecutionID, where isMeant: (ClearingCommand) -> Bool = { _ in true }
    ) async throws {
        let stream = try StreamName(category: Clearing.category, id: execution.rawValue)
        let reader = JSONEventCodec<ProcessRecord<ClearingCommand>>()
        for try await recorded in log.events(of: stream) where recorded.type == "process.sent" {
            for case .sent(let command) in try reader.decode(recorded) where isMeant(command) {
                var context = CommandContext(following: recorded, actor: "custodian")
                context.reason = command.reason
                try await CommandContext.$current.withValue(context) {
                    try await Self.carryOut(
                        command, CommandID(recorded.id.description), cash, holdings, limits)
                }
            }
        }
    }
}
