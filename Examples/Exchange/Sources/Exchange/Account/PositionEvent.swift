import Daybook
import DaybookCore

/// What an owner's orders reserve under its ``PositionLimit``.
public enum PositionEvent: DomainEvent, Hashable {
    public static let typePrefix = "position"

    case reserved(order: OrderID, account: AccountID, instrument: Instrument, quantity: Quantity)
    case released(order: OrderID, account: AccountID, instrument: Instrument, quantity: Quantity)

    public var tags: [Tag] {
        switch self {
        case .reserved(let order, let account, _, _), .released(let order, let account, _, _):
            [Tags.owner(account.owner), order.tag]
        }
    }
}
