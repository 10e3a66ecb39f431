extension OrderBook {
    /// Executions, each followed by the interest that its buyer owes its seller.
    static func withInterest(_ executions: [Event], in book: State) -> [Event] {
        guard let accrual = book.accrual else { return executions }
        return executions.flatMap { event -> [Event] in
            guard
                case .executed(
                    let execution, let order, let account, let side, _, let quantity, let against, let by, _) =
                    event
            else { return [event] }
            let restingBuys = side == .buy
            return [
                event,
                .interestAccrued(
                    execution: execution, buying: restingBuys ? order : against, buyer: restingBuys ? account : by,
                    selling: restingBuys ? against : order, seller: restingBuys ? by : account, quantity: quantity,
                    since: accrual.since, through: accrual.through, amount: accrual.amount * quantity),
            ]
        }
    }

    /// What an order to buy no longer needs when it is reduced.
    static func interestSpared(by quantity: Quantity, of order: RestingOrder, in book: State) -> [Event] {
        guard let accrual = book.accrual, order.side == .buy else { return [] }
        return [.interestSpared(order: order.id, account: order.account, amount: accrual.amount * quantity)]
    }
}
