import Daybook
import DaybookCore

/// One instrument as the order flow sees it.
struct ListedMarket: Sendable {
    let listing: OrderFlow.Listing
    var book = OrderBook.initialState
    private(set) var clock: Timestamp
    private let closes: Timestamp
    /// The mean time between two arrivals, in microseconds.
    private let meanGap: Double
    /// Orders that rest, and some that rested: those are dropped when they are drawn.
    private var candidates: [OrderID] = []
    /// How often resting orders have traded.
    private var executions: [OrderID: Int] = [:]
    /// The first order that rested, traded in part, and was deleted: one with a story.
    private(set) var eventfulOrder: OrderID?
    /// The first order that paid interest beside the price.
    private(set) var interestOrder: OrderID?

    var instrument: Instrument { listing.instrument }

    init(listing: OrderFlow.Listing, opens: Timestamp, meanGap: Double) {
        self.listing = listing
        self.meanGap = meanGap
        clock = opens
        closes = opens.advanced(by: .seconds(23_400))
    }

    /// Moves on to the next arrival, at exponentially distributed distances, and not beyond the end of the session.
    mutating func advanceClock(by fraction: Double) -> Timestamp {
        let gap = Int64(-meanGap * Logarithm.natural(1 - fraction))
        clock = min(closes, Timestamp(microseconds: clock.microseconds + gap))
        return clock
    }

    mutating func apply(_ event: OrderBook.Event) {
        OrderBook.evolve(&book, with: event)
        switch event {
        case .submitted(let order, _, _, _, _, let resting) where resting > 0: candidates.append(order)
        case .rested(let order, _, _, _, _): candidates.append(order)
        case .executed(_, let order?, _, _, _, _, _, _, _) where eventfulOrder == nil:
            executions[order, default: 0] += 1
        case .deleted(let order, _, _, _, _) where eventfulOrder == nil:
            if executions[order] != nil { eventfulOrder = order }
        case .interestAccrued(_, let order?, _, _, _, _, _, _, _) where interestOrder == nil: interestOrder = order
        default: break
        }
    }

    /// Any of the resting orders, each as likely as another.
    mutating func randomOrder(using numbers: inout SeededNumbers) -> RestingOrder? {
        while !candidates.isEmpty {
            let index = numbers.below(candidates.count)
            if let order = book.order(candidates[index]) { return order }
            candidates.swapAt(index, candidates.count - 1)
            candidates.removeLast()
        }
        return nil
    }
}
