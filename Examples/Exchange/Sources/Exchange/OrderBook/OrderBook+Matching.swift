extension OrderBook {
    /// Matches an order that came in: against the best price first, and at one price against the oldest order first.
    ///
    /// - Complexity: O(executions), whatever the size of the book.
    static func decide(
        _ order: NewOrder, in book: State, of instrument: Instrument
    ) throws(Rejection) -> [Event] {
        try check(order.limit)
        try check(order.quantity)
        guard !book.isHalted else { throw .halted }
        guard book.order(order.id) == nil else { throw .duplicateOrder(order.id) }

        var remaining = order.quantity
        var executions: [Event] = []
        matching: for level in book.levels(of: order.side.opposite).fromBest {
            guard order.side.accepts(level.price, limit: order.limit) else { break }
            // The opening quantity was there before any order that has a name.
            if level.opening > 0 {
                let quantity = min(level.opening, remaining)
                executions.append(
                    execution(
                        number: book.executions + Int64(executions.count) + 1, of: instrument, resting: nil,
                        price: level.price, quantity: quantity, incoming: order))
                remaining -= quantity
            }
            var slot = level.first
            while slot >= 0 {
                guard remaining > 0 else { break matching }
                let entry = book.queue[slot]
                let quantity = min(entry.order.remaining, remaining)
                executions.append(
                    execution(
                        number: book.executions + Int64(executions.count) + 1, of: instrument, resting: entry.order,
                        price: level.price, quantity: quantity, incoming: order))
                remaining -= quantity
                slot = entry.next
            }
            guard remaining > 0 else { break }
        }

        let restsAtOnce = executions.isEmpty && order.timeInForce == .day
        var events: [Event] = [
            .submitted(
                order: order.id, account: order.account, side: order.side, limit: order.limit,
                quantity: order.quantity, resting: restsAtOnce ? order.quantity : 0)
        ]
        guard !restsAtOnce else { return events }
        events += withInterest(executions, in: book)
        guard remaining > 0 else { return events }
        switch order.timeInForce {
        case .day:
            events.append(
                .rested(
                    order: order.id, account: order.account, side: order.side, price: order.limit,
                    quantity: remaining))
        case .immediate:
            events.append(
                .expired(order: order.id, account: order.account, side: order.side, quantity: remaining))
        }
        return events
    }

    private static func execution(
        number: Int64, of instrument: Instrument, resting: RestingOrder?, price: Price, quantity: Quantity,
        incoming: NewOrder
    ) -> Event {
        .executed(
            execution: ExecutionID(instrument: instrument, number: number), order: resting?.id,
            account: resting?.account, side: incoming.side.opposite, price: price, quantity: quantity,
            against: incoming.id, by: incoming.account, limit: incoming.limit)
    }
}
