import Exchange

/// A book as plain as it can be: one array of orders, looked through from end to end for each match.
struct NaiveBook {
    struct Execution: Equatable {
        var order: OrderID
        var price: Price
        var quantity: Quantity
        var against: OrderID
    }

    /// In the order of arrival.
    var orders: [RestingOrder] = []

    mutating func submit(_ order: NewOrder) -> [Execution] {
        var remaining = order.quantity
        var executions: [Execution] = []
        while remaining > 0, let index = bestIndex(against: order) {
            let quantity = min(remaining, orders[index].remaining)
            executions.append(
                Execution(order: orders[index].id, price: orders[index].price, quantity: quantity, against: order.id))
            remaining -= quantity
            orders[index].remaining -= quantity
            if orders[index].remaining == 0 { orders.remove(at: index) }
        }
        if remaining > 0 && order.timeInForce == .day {
            orders.append(
                RestingOrder(
                    id: order.id, side: order.side, price: order.limit, remaining: remaining, account: order.account))
        }
        return executions
    }

    private func bestIndex(against order: NewOrder) -> Int? {
        var best: Int?
        for (index, resting) in orders.enumerated() where resting.side != order.side {
            let fits = order.side == .buy ? resting.price <= order.limit : resting.price >= order.limit
            guard fits else { continue }
            if let best {
                let better =
                    order.side == .buy
                    ? resting.price < orders[best].price : resting.price > orders[best].price
                guard better else { continue }
            }
            best = index
        }
        return best
    }

    func depth(_ side: Side) -> [Quote.Level] {
        var quantities: [Price: Quantity] = [:]
        for order in orders where order.side == side { quantities[order.price, default: 0] += order.remaining }
        return quantities.sorted { side == .buy ? $0.key > $1.key : $0.key < $1.key }
            .map { Quote.Level(price: $0.key, quantity: $0.value) }
    }
}
