import Daybook
import DaybookCore

/// Takes orders one by one: reserves their shares under the owner's limit, holds what they need, and submits them.
///
/// Each step has an identifier made of the order's number, so that an order whose submission was interrupted is submitted
/// again as a whole. One that was refused is over: another try is an order with a number of its own.
public struct OrderDesk: Sendable {
    /// Why an order was not even looked at.
    public struct RefusedBefore: Error, Equatable, CustomStringConvertible {
        public let order: OrderID

        public init(order: OrderID) { self.order = order }

        public var description: String {
            "Order \(order) was refused before, and what it had set aside was given back: submit it under a new number."
        }
    }

    /// Why an order for a bond is not taken: the clearing settles shares, and a bond's interest is settled in rounds.
    public struct NotCleared: Error, Equatable, CustomStringConvertible {
        public let instrument: Instrument

        public var description: String {
            "\(instrument) is a bond, and its interest is settled on the trading floor: trade it there."
        }
    }

    public let books: CommandHandler<OrderBook>
    private let cash: CommandHandler<CashAccount>
    private let holdings: CommandHandler<Holdings>
    private let limits: BoundaryHandler<PositionLimit>
    /// What an owner may have and have on order, of each instrument.
    private let positionLimit: Quantity?
    private let log: any EventStore

    /// - Parameters:
    ///   - positionLimit: What an owner may have and have on order, of each instrument; any number when nil.
    ///   - recording: Whether the commands under that limit are recorded beside their events
    ///     (``PositionLimit/records``).
    public init(
        in log: any EventStore, positionLimit: Quantity? = nil,
        recording: CommandRecording<PositionLimit.Command> = .none
    ) {
        books = CommandHandler(OrderBook.self, in: log, category: OrderBook.category)
        cash = CommandHandler(CashAccount.self, in: log, category: CashAccount.category)
        holdings = CommandHandler(Holdings.self, in: log, category: Holdings.category)
        limits = BoundaryHandler(PositionLimit.self, in: log).recording(recording, in: PositionLimit.records)
        self.positionLimit = positionLimit
        self.log = log
    }

    /// Submits an order of an account.
    ///
    /// - Returns: What happened in the book.
    /// - Throws: The rejection of a step, after what the steps before it set aside was given back.
    @discardableResult
    public func submit(
        _ order: NewOrder, on account: AccountID, of instrument: Instrument
    ) async throws -> CommandReceipt<OrderBook.Event> {
        var order = order
        order.account = account
        let name = "order-\(order.id)"
        guard try await books.state(of: instrument.rawValue).state.kind == .share else {
            throw NotCleared(instrument: instrument)
        }
        // Before they are multiplied.
        try OrderBook.check(order.limit)
        try OrderBook.check(order.quantity)
        if try await log.receipt(for: Self.refusal(name)) != nil {
            try await giveBack(order, on: account, named: name)  // It may have been interrupted.
            throw RefusedBefore(order: order.id)
        }
        return try await CommandContext.with(correlationID: name, actor: account.rawValue) {
            if order.side == .buy, let positionLimit {
                let command = PositionLimit.Command.reserve(
                    order.quantity, of: instrument, for: order.id, on: account, limit: positionLimit)
                _ = try await CommandContext.with(reason: "the owner's position limit") {
                    try await limits.handle(command, commandID: CommandID("\(name):reserve"))
                }
            }
            do {
                try await hold(order, on: account, of: instrument, named: name)
                return try await CommandContext.with(reason: "the trader's order") {
                    try await books.handle(
                        .submit(order), id: instrument.rawValue, commandID: CommandID("\(name):submit"))
                }
            } catch {
                if (error as? any CommandRejection)?.rejectionReason != nil {
                    try await giveBack(order, on: account, named: name)
                }
                throw error
            }
        }
    }

    private func hold(
        _ order: NewOrder, on account: AccountID, of instrument: Instrument, named name: String
    ) async throws {
        let id = try CommandID("\(name):hold")
        switch order.side {
        case .buy:
            _ = try await CommandContext.with(reason: "cash for a buy order") {
                try await cash.handle(
                    .hold(order.limit * order.quantity, for: order.id), id: account.rawValue, commandID: id)
            }
        case .sell:
            _ = try await CommandContext.with(reason: "shares for a sell order") {
                try await holdings.handle(
                    .hold(order.quantity, of: instrument, for: order.id), id: account.rawValue, commandID: id)
            }
        }
    }

    private func giveBack(_ order: NewOrder, on account: AccountID, named name: String) async throws {
        try await CommandContext.with(reason: "the order was refused") {
            switch order.side {
            case .buy:
                try await cash.handle(
                    .releaseAll(for: order.id), id: account.rawValue, commandID: Self.refusal(name))
                try await limits.handle(
                    .release(order.quantity, for: order.id, on: account),
                    commandID: CommandID("\(name):refused:position"))
            case .sell:
                try await holdings.handle(
                    .releaseAll(for: order.id), id: account.rawValue, commandID: Self.refusal(name))
            }
        }
    }

    /// Identifies the first step of giving back, so that its receipt tells that an order was refused.
    private static func refusal(_ name: String) throws -> CommandID { try CommandID("\(name):refused") }
}
