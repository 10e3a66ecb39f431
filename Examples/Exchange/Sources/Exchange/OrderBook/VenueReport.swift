/// What another venue reports of its book. It matched already: an execution names the resting order that traded.
public enum VenueReport: Sendable, Hashable {
    /// An order joined the queue.
    case submitted(OrderID, Side, Price, Quantity)
    /// A resting order lost this many shares without trading.
    case reduced(OrderID, Side, Price, Quantity)
    /// A resting order left the book; the quantity is what remained of it.
    case deleted(OrderID, Side, Price, Quantity)
    /// A resting order traded this many shares.
    case executed(OrderID, Side, Price, Quantity)
    /// An order that no book showed traded.
    case hiddenExecuted(Side, Price, Quantity)
    /// An auction traded.
    case auctioned(Price, Quantity)
    case halted
    /// Orders may be entered, while trading still waits.
    case quotingResumed
    case resumed

    /// What kind of report named an order.
    public enum Kind: String, Sendable, Hashable, Codable {
        case submission
        case reduction
        case deletion
        case execution
        case market
    }

    public var kind: Kind {
        switch self {
        case .submitted: .submission
        case .reduced: .reduction
        case .deleted: .deletion
        case .executed: .execution
        case .hiddenExecuted, .auctioned, .halted, .quotingResumed, .resumed: .market
        }
    }
}
