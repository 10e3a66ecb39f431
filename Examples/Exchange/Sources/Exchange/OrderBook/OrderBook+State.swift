extension OrderBook {
    /// The orders that wait, by price and time.
    public struct State: Sendable, Equatable {
        public private(set) var instrument: Instrument?
        public private(set) var session: Session?
        public private(set) var kind: InstrumentKind = .share
        /// What a trade pays for each piece beside its price; nil for nothing, as for shares.
        public private(set) var accrual: Accrual?
        /// Whether trading is halted.
        public private(set) var isHalted = false
        /// How many executions the book has seen: they are numbered from 1.
        public private(set) var executions: Int64 = 0
        private var bids = PriceLevels(side: .buy)
        private var asks = PriceLevels(side: .sell)
        private(set) var queue = OrderQueue()

        public init() {}

        func levels(of side: Side) -> PriceLevels { side == .buy ? bids : asks }

        /// What an order to buy may come to, and so what its owner has to hold: its price, and the interest.
        ///
        /// Orders do not outlive their session, so that no more interest can accrue on them.
        public func cost(of quantity: Quantity, at limit: Price) -> Money {
            limit * quantity + (accrual?.amount ?? .zero) * quantity
        }

        /// How many orders rest that are known by name.
        public var orderCount: Int { queue.count }

        /// The identifiers of the resting orders, in no order.
        public var orderIDs: some Collection<OrderID> { queue.identifiers }

        /// A resting order, by its identifier.
        ///
        /// - Complexity: O(1).
        public func order(_ id: OrderID) -> RestingOrder? { queue[id] }

        /// - Complexity: O(1).
        public var quote: Quote {
            Quote(
                bid: bids.best.map { Quote.Level(price: $0.price, quantity: $0.quantity) },
                ask: asks.best.map { Quote.Level(price: $0.price, quantity: $0.quantity) })
        }

        /// The price levels of a side, best first.
        public func depth(_ side: Side, levels count: Int = .max) -> [DepthLevel] {
            levels(of: side).fromBest.prefix(count).map { level in
                DepthLevel(
                    price: level.price, quantity: level.quantity, opening: level.opening,
                    orders: Int(level.orders))
            }
        }

        /// The named orders of a price level, oldest first.
        public func orders(_ side: Side, at price: Price) -> [RestingOrder] {
            guard let level = levels(of: side).level(at: price) else { return [] }
            var orders: [RestingOrder] = []
            var slot = level.first
            while slot >= 0 {
                let entry = queue[slot]
                orders.append(entry.order)
                slot = entry.next
            }
            return orders
        }

        /// Whether two books look the same from outside: levels, and in each the same orders in the same order.
        ///
        /// - Complexity: O(orders).
        public static func == (left: State, right: State) -> Bool {
            guard
                left.instrument == right.instrument, left.session == right.session, left.kind == right.kind,
                left.isHalted == right.isHalted, left.executions == right.executions,
                left.orderCount == right.orderCount
            else { return false }
            return Side.allCases.allSatisfy { side in
                let depth = left.depth(side)
                return depth == right.depth(side)
                    && depth.allSatisfy { left.orders(side, at: $0.price) == right.orders(side, at: $0.price) }
            }
        }
    }

    public static func evolve(_ book: inout State, with event: Event) { book.apply(event) }
}

extension OrderBook.State {
    fileprivate mutating func apply(_ event: OrderBook.Event) {
        switch event {
        case .opened(let instrument, let session, let bids, let asks, let kind):
            let executions = executions  // They go on over the sessions, so that each keeps its own number.
            self = OrderBook.State()
            self.instrument = instrument
            self.session = session
            self.kind = kind
            accrual = Accrual(of: kind, in: session)
            self.executions = executions
            for level in bids { open(level, .buy) }
            for level in asks { open(level, .sell) }
        case .submitted(_, _, _, _, _, 0): break
        case .submitted(let id, let account, let side, let price, _, let quantity),
            .rested(let id, let account, let side, let price, let quantity):
            let order = RestingOrder(id: id, side: side, price: price, remaining: quantity, account: account)
            change(side, price) { $0.append(order, to: &$1) }
        case .executed(_, let id?, _, let side, let price, let quantity, _, _, _),
            .executionReported(_, let id, let side, let price, let quantity):
            executions += 1
            change(side, price) { $0.take(quantity, from: id, in: &$1) }
        case .executed(_, nil, _, let side, let price, let quantity, _, _, _):
            executions += 1
            takeOpening(quantity, side, price)
        case .reduced(let id, _, let side, let price, let quantity),
            .deleted(let id, _, let side, let price, let quantity):
            change(side, price) { $0.take(quantity, from: id, in: &$1) }
        case .openingReduced(_, let kind, let side, let price, let quantity):
            if kind == .execution { executions += 1 }
            takeOpening(quantity, side, price)
        case .halted: isHalted = true
        case .resumed: isHalted = false
        case .expired, .unknownOrderReported, .hiddenExecutionReported, .auctionReported, .quotingResumed,
            .interestAccrued, .interestSpared:
            break
        }
    }

    private mutating func open(_ level: Quote.Level, _ side: Side) {
        change(side, level.price) { _, opened in
            opened.quantity = level.quantity
            opened.opening = level.quantity
        }
    }

    private mutating func takeOpening(_ quantity: Quantity, _ side: Side, _ price: Price) {
        change(side, price) { _, level in
            level.quantity -= quantity
            level.opening -= quantity
        }
    }

    private mutating func change(
        _ side: Side, _ price: Price, _ body: (inout OrderQueue, inout PriceLevels.Level) -> Void
    ) {
        switch side {
        case .buy: Self.change(&bids, &queue, price, body)
        case .sell: Self.change(&asks, &queue, price, body)
        }
    }

    /// Takes the parts of the book one by one, so that none is copied.
    private static func change(
        _ levels: inout PriceLevels, _ queue: inout OrderQueue, _ price: Price,
        _ body: (inout OrderQueue, inout PriceLevels.Level) -> Void
    ) {
        levels.change(price) { body(&queue, &$0) }
    }
}
