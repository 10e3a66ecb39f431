import Daybook
import DaybookCore

/// Carries out what reaches the exchange: holds in the accounts, orders in the books, settlement in the accounts.
///
/// A round goes through three phases, each of which begins when all of the one before it is durable:
/// 1. every account holds the cash or shares of its new orders, one append an account;
/// 2. every book takes its orders and deletions in their order of arrival, one append a book;
/// 3. every account settles what was executed, expired or deleted, one append an account.
///
/// Within a phase the subjects are independent, so their appends run side by side and share the store's syncs. The
/// outcome depends on the rounds alone, not on which append was faster. An append whose command identifier was recorded before is not done
/// again, so that a day that was interrupted is recorded to its end by recording all of it once more.
public struct TradingFloor: Sendable {
    /// What a round led to.
    public struct Outcome: Sendable {
        public var events = 0
        public var executions = 0
        /// The log up to here holds the round.
        public var position: Position = .start
    }

    public let books: CommandHandler<OrderBook>
    public let cash: CommandHandler<CashAccount>
    public let holdings: CommandHandler<Holdings>
    /// How many appends may be under way at once.
    private let concurrency: Int

    /// How many events an account's cash may have behind its snapshot.
    private static let eventsPerSnapshot = 500

    /// - Parameters:
    ///   - snapshots: Where snapshots of cash accounts are kept, so that one that is not in memory needs only the events
    ///     since; none are when nil.
    ///   - recording: Whether the commands of cash accounts are recorded beside their events.
    ///   - concurrency: How many appends may be under way at once.
    public init(
        in store: any EventStore, snapshots: (any SnapshotStore)? = nil,
        recording: CommandRecording<CashAccount.Command> = .none, concurrency: Int = 64
    ) {
        books = CommandHandler(OrderBook.self, in: store, category: OrderBook.category)
        if let snapshots {
            cash = CommandHandler(
                CashAccount.self, in: store, category: CashAccount.category,
                snapshots: .every(Self.eventsPerSnapshot), keptIn: snapshots, recording: recording)
        } else {
            cash = CommandHandler(
                CashAccount.self, in: store, category: CashAccount.category, recording: recording)
        }
        holdings = CommandHandler(Holdings.self, in: store, category: Holdings.category)
        self.concurrency = max(1, concurrency)
    }

    /// Records a round, durably.
    ///
    /// - Parameter name: Names the round for good; it begins the identifiers of its commands.
    public func record(_ round: Round, named name: String) async throws -> Outcome {
        var outcome = Outcome()
        let holds = try await recordAccounts(cash: round.cash, holdings: round.holdings, named: "\(name):hold")
        outcome.events += holds.events
        outcome.position = max(outcome.position, holds.position)

        let settlements = try await recordBooks(round.books, causes: holds.causes, named: name, into: &outcome)
        let settled = try await recordAccounts(
            cash: settlements.cash, holdings: settlements.holdings, named: "\(name):settle")
        outcome.events += settled.events
        outcome.position = max(outcome.position, settled.position)
        return outcome
    }

    /// What the appends of one phase to the accounts came to.
    private struct AccountsOutcome {
        var events = 0
        var position: Position = .start
        /// The hold of each order.
        var causes: [OrderID: EventReference] = [:]
    }

    private func recordAccounts(
        cash: [AccountID: [Instruction<CashAccount.Command>]],
        holdings: [AccountID: [Instruction<Holdings.Command>]], named name: String
    ) async throws -> AccountsOutcome {
        var outcome = AccountsOutcome()
        let subjects =
            cash.keys.sorted().map { (account: $0, isCash: true) }
            + holdings.keys.sorted().map { (account: $0, isCash: false) }
        try await forEach(subjects) { (account, isCash) -> AccountsOutcome in
            if isCash {
                let id = try CommandID("\(name):cash:\(account)")
                let receipt = try await self.cash.handle(
                    Self.batch(cash[account] ?? []), id: account.rawValue, commandID: id)
                return Self.outcome(of: receipt) { event in
                    if case .held(_, let order) = event { order } else { nil }
                }
            } else {
                let id = try CommandID("\(name):holdings:\(account)")
                let receipt = try await self.holdings.handle(
                    Self.batch(holdings[account] ?? []), id: account.rawValue, commandID: id)
                return Self.outcome(of: receipt) { event in
                    if case .held(_, _, let order) = event { order } else { nil }
                }
            }
        } collect: { part in
            outcome.events += part.events
            outcome.position = max(outcome.position, part.position)
            outcome.causes.merge(part.causes) { first, _ in first }
        }
        return outcome
    }

    private static func outcome<Event>(
        of receipt: CommandReceipt<Event>, order: (Event) -> OrderID?
    ) -> AccountsOutcome {
        var outcome = AccountsOutcome(events: receipt.events.count, position: receipt.position)
        for (event, reference) in references(in: receipt) {
            if let order = order(event) { outcome.causes[order] = reference }
        }
        return outcome
    }

    private func recordBooks(
        _ books: [Instrument: [Instruction<OrderBook.Command>]], causes: [OrderID: EventReference],
        named name: String, into outcome: inout Outcome
    ) async throws -> Round {
        var receipts: [Instrument: CommandReceipt<OrderBook.Event>] = [:]
        try await forEach(books.keys.sorted()) { instrument -> (Instrument, CommandReceipt<OrderBook.Event>) in
            var batch = Self.batch(books[instrument] ?? [])
            for index in batch.indices {
                guard case .submit(let order) = batch[index].command else { continue }
                batch[index].context.causationID = causes[order.id]?.description
            }
            let id = try CommandID("\(name):book:\(instrument)")
            return (instrument, try await self.books.handle(batch, id: instrument.rawValue, commandID: id))
        } collect: { instrument, receipt in
            receipts[instrument] = receipt
        }

        var settlements = Round()
        for instrument in receipts.keys.sorted() {
            guard let receipt = receipts[instrument], let instructions = books[instrument] else { continue }
            outcome.events += receipt.events.count
            outcome.position = max(outcome.position, receipt.position)
            settle(receipt, of: instrument, after: instructions, into: &settlements, executions: &outcome.executions)
        }
        return settlements
    }

    /// Turns what happened in a book into what has to happen in the accounts, in the same order.
    private func settle(
        _ receipt: CommandReceipt<OrderBook.Event>, of instrument: Instrument,
        after instructions: [Instruction<OrderBook.Command>], into settlements: inout Round, executions: inout Int
    ) {
        var times = instructions.makeIterator()
        var time: Timestamp?
        for (event, reference) in Self.references(in: receipt) {
            switch event {
            case .executed: executions += 1
            case .rested, .expired, .interestAccrued, .interestSpared: break
            default: time = times.next()?.context.occurredAt  // Every other event is the first of its command.
            }
            for movement in Settlement.movements(after: event, of: instrument) {
                let context = EventMetadata(
                    correlationID: movement.order.map { "order-\($0)" }, causationID: reference.description,
                    actor: "clearing house", reason: movement.reason, occurredAt: time)
                switch movement {
                case .cash(let account, let command):
                    settlements.cash[account, default: []].append(Instruction(command, context))
                case .holdings(let account, let command):
                    settlements.holdings[account, default: []].append(Instruction(command, context))
                }
            }
        }
    }

    /// The events of a receipt, each with its place in the stream.
    private static func references<Event>(
        in receipt: CommandReceipt<Event>
    ) -> [(event: Event, reference: EventReference)] {
        guard let version = receipt.version else { return [] }
        return receipt.events.enumerated().map { index, event in
            let behind = receipt.events.count - 1 - index
            return (event, EventReference(stream: receipt.stream, version: version.advanced(by: -behind)))
        }
    }

    private static func batch<Command>(
        _ instructions: [Instruction<Command>]
    ) -> [(command: Command, context: CommandContext)] {
        instructions.map { ($0.command, CommandContext($0.context)) }
    }

    /// Runs an operation for each of some subjects, a bounded number of them at once.
    private func forEach<Subject: Sendable, Result: Sendable>(
        _ subjects: [Subject], _ operation: @escaping @Sendable (Subject) async throws -> Result,
        collect: (Result) -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Result.self) { group in
            var running = 0
            for subject in subjects {
                if running == concurrency, let result = try await group.next() {
                    collect(result)
                    running -= 1
                }
                group.addTask { try await operation(subject) }
                running += 1
            }
            while let result = try await group.next() { collect(result) }
        }
    }
}

extension CommandContext {
    init(_ metadata: EventMetadata) {
        self.init(
            correlationID: metadata.correlationID, causationID: metadata.causationID, actor: metadata.actor,
            reason: metadata.reason, occurredAt: metadata.occurredAt)
    }
}
