import DaybookCore
import Exchange

/// Sessions of the tests' bond, order by order.
struct BondSession {
    let floor: TradingFloor
    let store: any EventStore

    private func record(_ change: (inout Round) -> Void) async throws {
        var round = Round()
        change(&round)
        _ = try await floor.record(round, named: "\(store.head())")
    }

    func open(
        _ session: Session, cash: [AccountID: Money] = [:], bonds: [AccountID: Quantity] = [:]
    ) async throws {
        try await record { round in
            round.cash = cash.mapValues { [Instruction(.deposit($0), EventMetadata())] }
            round.holdings = bonds.mapValues { [Instruction(.deposit($0, of: MapleBond.symbol), EventMetadata())] }
        }
        try await give(
            .open(Opening(instrument: MapleBond.symbol, session: session, kind: .bond(terms: MapleBond.terms))))
    }

    func give(_ command: OrderBook.Command) async throws {
        try await record { $0.books[MapleBond.symbol] = [Instruction(command, EventMetadata())] }
    }

    /// Submits an order to buy that holds an amount, or one to sell.
    func submit(_ order: NewOrder, holding amount: Money = .zero) async throws {
        guard let account = order.account else { return }
        try await record { round in
            switch order.side {
            case .buy: round.cash[account] = [Instruction(.hold(amount, for: order.id), EventMetadata())]
            case .sell:
                round.holdings[account] = [
                    Instruction(.hold(order.quantity, of: MapleBond.symbol, for: order.id), EventMetadata())
                ]
            }
            round.books[MapleBond.symbol] = [Instruction(.submit(order), EventMetadata())]
        }
    }

    func trade(
        _ quantity: Quantity, at price: Price, from seller: AccountID, to buyer: AccountID, orders: (OrderID, OrderID)
    ) async throws {
        try await submit(
            NewOrder(id: orders.0, account: seller, side: .sell, limit: price, quantity: quantity))
        let cost = try await floor.books.state(of: MapleBond.symbol.rawValue).state.cost(of: quantity, at: price)
        try await submit(
            NewOrder(id: orders.1, account: buyer, side: .buy, limit: price, quantity: quantity), holding: cost)
    }
}
