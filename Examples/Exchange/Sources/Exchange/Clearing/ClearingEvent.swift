import Daybook
import DaybookCore

/// What happens to a trade between its execution and its end.
public enum ClearingEvent: DomainEvent, Hashable {
    public static let typePrefix = "clearing"

    case begun(trade: ClearingTrade)
    /// An account did its part.
    case carriedOut(step: ClearingStep)
    /// An account said no.
    case refused(step: ClearingStep, reason: String)
    /// The deadline passed before both sides had given.
    case overdue(reason: String)
    /// Both sides have what they traded for.
    case settled(execution: ExecutionID, buying: OrderID, selling: OrderID)
    /// Both sides have what they had before.
    case reversed(execution: ExecutionID, buying: OrderID, selling: OrderID, reason: String)

    public var tags: [Tag] {
        switch self {
        case .begun(let trade): [trade.buying.tag, trade.selling.tag]
        case .settled(_, let buying, let selling), .reversed(_, let buying, let selling, _):
            [buying.tag, selling.tag]
        case .carriedOut, .refused, .overdue: []
        }
    }
}
