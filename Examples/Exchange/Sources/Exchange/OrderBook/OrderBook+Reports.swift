extension OrderBook {
    /// Records a venue's report: one event for each report, so that the versions of a book count its reports.
    static func decide(
        _ report: VenueReport, in book: State, of instrument: Instrument
    ) throws(Rejection) -> [Event] {
        switch report {
        case .submitted(let id, let side, let price, let quantity):
            try check(price)
            try check(quantity)
            guard book.order(id) == nil else { throw .duplicateOrder(id) }
            return [
                .submitted(
                    order: id, account: nil, side: side, limit: price, quantity: quantity, resting: quantity)
            ]
        case .reduced(let id, let side, let price, let quantity):
            guard let order = try resting(id, side, price, quantity, in: book) else {
                return [unnamed(id, report, side, price, quantity, in: book)]
            }
            guard quantity <= order.remaining else {
                throw .exceedsRemaining(order: id, quantity: quantity, remaining: order.remaining)
            }
            return [.reduced(order: id, account: order.account, side: side, price: price, quantity: quantity)]
        case .deleted(let id, let side, let price, let quantity):
            guard let order = try resting(id, side, price, quantity, in: book) else {
                return [unnamed(id, report, side, price, quantity, in: book)]
            }
            // A deletion takes all that is left, also where the venue counts otherwise: it may have reduced the order
            // while its price was outside of the view that is reported.
            return [
                .deleted(order: id, account: order.account, side: side, price: price, quantity: order.remaining)
            ]
        case .executed(let id, let side, let price, let quantity):
            guard let order = try resting(id, side, price, quantity, in: book) else {
                return [unnamed(id, report, side, price, quantity, in: book)]
            }
            guard quantity <= order.remaining else {
                throw .exceedsRemaining(order: id, quantity: quantity, remaining: order.remaining)
            }
            return [
                .executionReported(
                    execution: ExecutionID(instrument: instrument, number: book.executions + 1), order: id,
                    side: side, price: price, quantity: quantity)
            ]
        case .hiddenExecuted(let side, let price, let quantity):
            try check(price)
            try check(quantity)
            return [.hiddenExecutionReported(side: side, price: price, quantity: quantity)]
        case .auctioned(let price, let quantity):
            try check(price)
            try check(quantity)
            return [.auctionReported(price: price, quantity: quantity)]
        case .halted: return [.halted]
        case .quotingResumed: return [.quotingResumed]
        case .resumed: return [.resumed]
        }
    }

    /// The order that a report names, nil when the book does not know it by name.
    private static func resting(
        _ id: OrderID, _ side: Side, _ price: Price, _ quantity: Quantity, in book: State
    ) throws(Rejection) -> RestingOrder? {
        try check(price)
        try check(quantity)
        guard let order = book.order(id) else { return nil }
        guard order.side == side, order.price == price else {
            throw .restsElsewhere(
                order: id, reported: Place(side: side, price: price),
                resting: Place(side: order.side, price: order.price))
        }
        return order
    }

    /// An order without a name is taken from what stood at its price when the book opened, as far as that goes.
    private static func unnamed(
        _ id: OrderID, _ report: VenueReport, _ side: Side, _ price: Price, _ quantity: Quantity, in book: State
    ) -> Event {
        let opening = book.levels(of: side).level(at: price)?.opening ?? 0
        return opening > 0
            ? .openingReduced(
                order: id, by: report.kind, side: side, price: price, quantity: min(opening, quantity))
            : .unknownOrderReported(order: id, by: report.kind, side: side, price: price, quantity: quantity)
    }
}
