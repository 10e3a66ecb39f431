import Daybook
import DaybookCore

/// The book of one instrument: the limit orders that wait, matched by price, then time.
///
/// A book lives in one of two ways, and records the same facts in both:
/// - *Live*: it is the venue. It matches what is submitted to it, and decides the executions.
/// - *As reported*: another venue matched, and reports what happened. A reported execution is recorded as the venue
///   reported it, against the resting order that the venue named; nothing is matched a second time.
///
/// A book does not keep accounts: what an order's owner can pay or deliver is held by ``CashAccount`` and ``Holdings``
/// before the order gets here. An owner may trade with itself.
public enum OrderBook: Decider {
    /// The category of the streams of books: `book-AAPL`.
    public static let category: Category = "book"

    public enum Command: Sendable, Hashable {
        /// Begins a trading session, with what stands in the book already.
        case open(Opening)
        /// Matches an order against the book; what does not trade rests or expires.
        case submit(NewOrder)
        /// Takes shares from a resting order, which keeps its place in time.
        case reduce(OrderID, by: Quantity)
        /// Takes a resting order out of the book.
        case delete(OrderID)
        /// Stops trading: nothing can be submitted until ``resume``.
        case halt
        case resume
        /// Records what another venue reports.
        case report(VenueReport)
    }

    public enum Event: DomainEvent, Hashable {
        public static let typePrefix = "book"

        /// A session began. The quantities stand in the book, of orders without a name that are first in time.
        ///
        /// Version 1 did not say the kind: everything that was listed was a share.
        case opened(
            instrument: Instrument, session: Session, bids: [Quote.Level], asks: [Quote.Level], kind: InstrumentKind)
        /// An order came in; `resting` of its shares joined the queue at its limit at once. An order that trades on
        /// arrival rests none here: its executions follow, and then what became of its remainder.
        case submitted(
            order: OrderID, account: AccountID?, side: Side, limit: Price, quantity: Quantity, resting: Quantity)
        /// What an order did not trade on arrival joined the queue at its limit.
        case rested(order: OrderID, account: AccountID?, side: Side, price: Price, quantity: Quantity)
        /// What an immediate order did not trade on arrival was cancelled.
        case expired(order: OrderID, account: AccountID?, side: Side, quantity: Quantity)
        /// A resting order traded with an incoming one, at the resting order's price. `order` is nil for shares that
        /// stood in the book when it opened. `side` is the resting order's; `limit` the incoming order's.
        case executed(
            execution: ExecutionID, order: OrderID?, account: AccountID?, side: Side, price: Price,
            quantity: Quantity, against: OrderID, by: AccountID?, limit: Price)
        /// The buyer of bonds owes the seller the interest that has accrued on them, beside the price: follows the
        /// execution at once.
        case interestAccrued(
            execution: ExecutionID, buying: OrderID?, buyer: AccountID?, selling: OrderID?, seller: AccountID?,
            quantity: Quantity, since: CalendarDate, through: CalendarDate, amount: Money)
        /// A resting order to buy lost bonds without trading, and needs their interest no longer: follows the
        /// reduction at once.
        case interestSpared(order: OrderID, account: AccountID?, amount: Money)
        /// A resting order lost shares without trading, and kept its place in time.
        case reduced(order: OrderID, account: AccountID?, side: Side, price: Price, quantity: Quantity)
        /// A resting order left the book with what remained of it.
        case deleted(order: OrderID, account: AccountID?, side: Side, price: Price, quantity: Quantity)
        case halted
        case resumed
        /// The venue reported the execution of a resting order.
        case executionReported(
            execution: ExecutionID, order: OrderID, side: Side, price: Price, quantity: Quantity)
        /// The venue reported an order that the book does not know by name: its shares were among those that stood
        /// at this price when the book opened.
        case openingReduced(order: OrderID, by: VenueReport.Kind, side: Side, price: Price, quantity: Quantity)
        /// The venue reported an order of which the book knows nothing; the book stays as it is.
        case unknownOrderReported(order: OrderID, by: VenueReport.Kind, side: Side, price: Price, quantity: Quantity)
        /// The venue reported the execution of an order that no book showed.
        case hiddenExecutionReported(side: Side, price: Price, quantity: Quantity)
        /// The venue reported the trades of an auction.
        case auctionReported(price: Price, quantity: Quantity)
        /// The venue reported that orders may be entered again, while trading still waits.
        case quotingResumed

        public static func schemaVersion(of type: EventType) -> UInt32 { type == "book.opened" ? 2 : 1 }
        public static let upcasters: [Upcaster] = [
            .change("book.opened", from: 1) { $0["kind"] = .object(["share": .object([:])]) }
        ]
        public static let downcasters: [Downcaster] = [
            Downcaster("book.opened", from: 2) { data in
                guard data.removeValue(forKey: "kind") == .object(["share": .object([:])]) else { throw NoShare() }
            }
        ]

        /// Before there were bonds, a book could be one of shares alone.
        struct NoShare: Error, CustomStringConvertible {
            var description: String { "it opens a book of something else than shares." }
        }

        public var tags: [Tag] {
            switch self {
            case .submitted(let order, _, _, _, _, _), .rested(let order, _, _, _, _), .expired(let order, _, _, _),
                .reduced(let order, _, _, _, _), .deleted(let order, _, _, _, _),
                .executionReported(_, let order, _, _, _), .openingReduced(let order, _, _, _, _),
                .unknownOrderReported(let order, _, _, _, _):
                [order.tag]
            case .executed(_, let order?, _, _, _, _, let against, _, _): [order.tag, against.tag]
            case .executed(_, nil, _, _, _, _, let against, _, _): [against.tag]
            case .interestAccrued(_, let buying, _, let selling, _, _, _, _, _):
                [buying, selling].compactMap { $0?.tag }
            case .interestSpared(let order, _, _): [order.tag]
            case .opened, .halted, .resumed, .hiddenExecutionReported, .auctionReported, .quotingResumed: []
            }
        }
    }

    public static let initialState = State()

    public static func decide(_ command: Command, in book: State) throws(Rejection) -> [Event] {
        if case .open(let opening) = command { return try decide(opening, in: book) }
        guard let instrument = book.instrument else { throw .notOpen }
        switch command {
        case .open: return []
        case .submit(let order): return try decide(order, in: book, of: instrument)
        case .report(let report): return try decide(report, in: book, of: instrument)
        case .reduce(let id, let quantity):
            try check(quantity)
            guard let order = book.order(id) else { throw .unknownOrder(id) }
            guard quantity < order.remaining else {
                throw .exceedsRemaining(order: id, quantity: quantity, remaining: order.remaining)
            }
            return [
                .reduced(order: id, account: order.account, side: order.side, price: order.price, quantity: quantity)
            ] + interestSpared(by: quantity, of: order, in: book)
        case .delete(let id):
            guard let order = book.order(id) else { throw .unknownOrder(id) }
            return [
                .deleted(
                    order: id, account: order.account, side: order.side, price: order.price,
                    quantity: order.remaining)
            ]
        case .halt: return book.isHalted ? [] : [.halted]
        case .resume: return book.isHalted ? [.resumed] : []
        }
    }

    private static func decide(_ opening: Opening, in book: State) throws(Rejection) -> [Event] {
        if book.instrument == opening.instrument, book.kind != opening.kind {
            throw .otherKind(opening.kind, book: book.kind)
        }
        if book.instrument == opening.instrument && book.session == opening.session { return [] }
        if let instrument = book.instrument, instrument != opening.instrument {
            throw .otherInstrument(opening.instrument, book: instrument)
        }
        if let session = book.session, opening.session <= session {
            throw .sessionNotLater(opening.session, current: session)
        }
        try opening.check()
        return [
            .opened(
                instrument: opening.instrument, session: opening.session, bids: opening.bids, asks: opening.asks,
                kind: opening.kind)
        ]
    }

    static func check(_ quantity: Quantity) throws(Rejection) {
        guard QuantityLimits.allowed.contains(quantity) else { throw .quantityOutOfBounds(quantity) }
    }

    static func check(_ price: Price) throws(Rejection) {
        guard Price.allowed.contains(price) else { throw .priceOutOfBounds(price) }
    }
}
