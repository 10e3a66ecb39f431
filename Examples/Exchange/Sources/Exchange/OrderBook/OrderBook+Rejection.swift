extension OrderBook {
    /// A side and a price of the book.
    public struct Place: Sendable, Hashable, CustomStringConvertible {
        public var side: Side
        public var price: Price

        public init(side: Side, price: Price) {
            self.side = side
            self.price = price
        }

        public var description: String { "\(side) at \(price)" }
    }

    /// Why a book does not carry out a command.
    public enum Rejection: Error, Hashable, CustomStringConvertible {
        case notOpen
        case otherInstrument(Instrument, book: Instrument)
        case sessionNotLater(Session, current: Session)
        case openingOutOfOrder(side: Side, price: Price, after: Price)
        case openingCrossed(bid: Price, ask: Price)
        case otherKind(InstrumentKind, book: InstrumentKind)
        case notABond(BondTerms.Problem)
        case sessionWithoutDate(Session)
        case sessionOutsideTerm(Session, issued: CalendarDate, maturity: CalendarDate)
        case halted
        case duplicateOrder(OrderID)
        case unknownOrder(OrderID)
        case exceedsRemaining(order: OrderID, quantity: Quantity, remaining: Quantity)
        case restsElsewhere(order: OrderID, reported: Place, resting: Place)
        case priceOutOfBounds(Price)
        case quantityOutOfBounds(Quantity)

        public var description: String {
            switch self {
            case .notOpen: "The book is not open: open it first."
            case .otherInstrument(let instrument, let book):
                "The book is that of \(book), not of \(instrument): use the instrument's own book."
            case .sessionNotLater(let session, let current):
                "The book is in session \(current), and session \(session) is not later: sessions open in order."
            case .openingOutOfOrder(let side, let price, let after):
                "The opening \(side) level at \(price) comes after \(after): give the best level first, each price once."
            case .openingCrossed(let bid, let ask):
                "The opening book bids \(bid) and asks \(ask): a book does not open crossed."
            case .otherKind(let kind, let book):
                "The book is opened for \(kind), and is that of \(book): list another kind under a symbol of its own."
            case .notABond(let problem): "The bond cannot be listed. \(problem)"
            case .sessionWithoutDate(let session):
                "Session '\(session)' is no date, and a bond's interest accrues by dates: name it as 2026-01-05."
            case .sessionOutsideTerm(let session, let issued, let maturity):
                "Session \(session) is outside the bond's term: it is traded from its issue on \(issued) to the day "
                    + "before \(maturity)."
            case .halted: "Trading is halted: submit the order after it resumes."
            case .duplicateOrder(let id): "Order \(id) rests in the book already: give each order a number of its own."
            case .unknownOrder(let id): "Order \(id) does not rest in the book: it was never here, or is finished."
            case .exceedsRemaining(let order, let quantity, let remaining):
                "\(quantity) shares are to go from order \(order), which has \(remaining) left."
            case .restsElsewhere(let order, let reported, let resting):
                "Order \(order) is reported as \(reported), but rests as \(resting)."
            case .priceOutOfBounds(let price):
                "A price of \(price) is outside \(Price.allowed.lowerBound) to \(Price.allowed.upperBound) dollars."
            case .quantityOutOfBounds(let quantity):
                "\(quantity) shares are outside \(QuantityLimits.allowed.lowerBound) to \(QuantityLimits.allowed.upperBound)."
            }
        }
    }
}
