import Daybook
import DaybookCore

/// What the clearing follows: executions, and the answers of the accounts.
public enum ClearingInput: EventUnion {
    case book(OrderBook.Event)
    case cash(CashAccount.Event)
    case holdings(Holdings.Event)

    public static let members = [
        EventUnionMember(ClearingInput.book), EventUnionMember(ClearingInput.cash),
        EventUnionMember(ClearingInput.holdings),
    ]

    /// The types that say something about an execution.
    static let types: Set<EventType> = [
        "book.executed", "cash.paid", "cash.received", "cash.refunded", "holdings.delivered", "holdings.received",
        "holdings.returned",
    ]

    /// The execution that it is about.
    var execution: ExecutionID? {
        switch self {
        case .book(.executed(let execution, _, _, _, _, _, _, _, _)), .cash(.paid(_, _, _, let execution)),
            .cash(.received(_, _, let execution)), .cash(.refunded(_, _, let execution)),
            .holdings(.delivered(_, _, _, let execution)), .holdings(.received(_, _, _, let execution)),
            .holdings(.returned(_, _, _, let execution)):
            execution
        default: nil
        }
    }

    /// What an account has done, when it is an answer.
    var step: ClearingStep? {
        switch self {
        case .cash(.paid): .payment
        case .cash(.received): .proceeds
        case .cash(.refunded): .refund
        case .holdings(.delivered): .delivery
        case .holdings(.received): .receipt
        case .holdings(.returned): .giveBack
        default: nil
        }
    }
}
