import Daybook
import DaybookCore

/// Gives back what an order that expired, was deleted or was reduced no longer needs: cash or shares that it holds, and
/// its reservation under the position limit.
///
/// What is given back belongs to the shares that left the book, and not to executions that are still to be settled. Each
/// event of the book is handled at least once, by commands named after it, which take effect once.
public struct OrderRelease: Sendable {
    /// Delivers what ends in the books, that of each order in order.
    public let group: ConsumerGroup<OrderBook.Event>
    private let member: ConsumerMemberName
    private let log: any EventStore
    private let cash: CommandHandler<CashAccount>
    private let holdings: CommandHandler<Holdings>
    private let limits: BoundaryHandler<PositionLimit>

    /// What ends in the books.
    static let types: Set<EventType> = ["book.expired", "book.deleted", "book.reduced"]

    init(
        of log: any EventStore, models: any ReadModelStore, cash: CommandHandler<CashAccount>,
        holdings: CommandHandler<Holdings>, limits: BoundaryHandler<PositionLimit>, policy: ConsumerPolicy,
        member: ConsumerMemberName
    ) {
        self.member = member
        self.log = log
        self.cash = cash
        self.holdings = holdings
        self.limits = limits
        group = ConsumerGroup(
            "order-release", of: log, OrderBook.Event.self, in: models,
            filter: EventFilter(types: Self.types), policy: policy,
            // The one tag of such an event is that of its order.
            key: { ConsumerKey(unchecked: $0.tags.first?.rawValue ?? $0.stream.rawValue) })
    }

    /// Runs until the task is cancelled, then returns.
    func run() async throws {
        while !Task.isCancelled {
            do {
                try await group.run(as: member) { delivery in
                    for event in delivery.events { try await release(after: event, delivery.recorded) }
                }
            } catch .refused(.leaseLost) {
                // The machine was asleep: what was in hand is handled again, under the same identifiers.
            }
        }
    }

    private func release(after event: OrderBook.Event, _ recorded: RecordedEvent) async throws {
        switch event {
        case .expired(let order, let account?, let side, let quantity):
            guard let limit = try await limit(of: order) else {
                throw ParkEvent("Order \(order) expired, and the log does not have its submission.")
            }
            try await release(quantity, at: limit, side, order, account, recorded)
        case .deleted(let order, let account?, let side, let price, let quantity),
            .reduced(let order, let account?, let side, let price, let quantity):
            try await release(quantity, at: price, side, order, account, recorded)
        default: break  // An order without an account holds nothing.
        }
    }

    private func release(
        _ quantity: Quantity, at limit: Price, _ side: Side, _ order: OrderID, _ account: AccountID,
        _ recorded: RecordedEvent
    ) async throws {
        do {
            try await CommandContext.with(reason: "the order no longer needs it") {
                switch side {
                case .buy:
                    try await cash.handle(
                        .release(limit * quantity, for: order), id: account.rawValue,
                        commandID: CommandID("\(recorded.id):cash"))
                    try await limits.handle(
                        .release(quantity, for: order, on: account), commandID: CommandID("\(recorded.id):position"))
                case .sell:
                    try await holdings.handle(
                        .release(quantity, for: order), id: account.rawValue,
                        commandID: CommandID("\(recorded.id):holdings"))
                }
            }
        } catch {
            guard let reason = (error as? any CommandRejection)?.rejectionReason else { throw error }
            throw ParkEvent(reason)  // Somebody took the hold away: trying again would not bring it back.
        }
    }

    /// The limit at which an order was submitted, which is what it holds cash at.
    private func limit(of order: OrderID) async throws -> Price? {
        let reader = OrderBook.Event.makeReader()
        for try await recorded in log.events(filter: EventFilter(types: ["book.submitted"], tags: [order.tag])) {
            for case .submitted(order, _, _, let limit, _, _) in try reader.decode(recorded) { return limit }
        }
        return nil
    }
}
