import Daybook

/// What an order book's events mean for the accounts of those who traded: delivery against payment.
public enum Settlement: Sendable, Hashable {
    case cash(AccountID, CashAccount.Command)
    case holdings(AccountID, Holdings.Command)

    /// The movements that follow from one event of a book; none for orders without an account.
    ///
    /// A buyer's cash is held at its limit: trading at a better price gives the difference back.
    public static func movements(after event: OrderBook.Event, of instrument: Instrument) -> [Settlement] {
        switch event {
        case .executed(
            let execution, let order, let account, let side, let price, let quantity, let against, let by, let limit):
            var movements: [Settlement] = []
            let restingBuys = side == .buy
            let buyer = restingBuys ? account : by
            let seller = restingBuys ? by : account
            if let buyer, let buying = restingBuys ? order : against {
                let saved = restingBuys ? Money.zero : limit * quantity - price * quantity
                movements.append(.cash(buyer, .pay(price * quantity, saving: saved, for: buying, in: execution)))
                movements.append(
                    .holdings(buyer, .receive(quantity, of: instrument, for: buying, in: execution)))
            }
            if let seller, let selling = restingBuys ? against : order {
                movements.append(.holdings(seller, .deliver(quantity, for: selling, in: execution)))
                movements.append(.cash(seller, .receive(price * quantity, for: selling, in: execution)))
            }
            return movements
        case .interestAccrued(let execution, let buying, let buyer, let selling, let seller, _, _, _, let amount):
            var movements: [Settlement] = []
            if let buyer, let buying {
                movements.append(.cash(buyer, .payInterest(amount, for: buying, in: execution)))
            }
            if let seller, let selling {
                movements.append(.cash(seller, .receiveInterest(amount, for: selling, in: execution)))
            }
            return movements
        case .interestSpared(let order, let account?, let amount):
            return [.cash(account, .release(amount, for: order))]
        case .expired(let order, let account?, let side, _), .deleted(let order, let account?, let side, _, _):
            return side == .buy
                ? [.cash(account, .releaseAll(for: order))] : [.holdings(account, .releaseAll(for: order))]
        case .reduced(let order, let account?, let side, let price, let quantity):
            return side == .buy
                ? [.cash(account, .release(price * quantity, for: order))]
                : [.holdings(account, .release(quantity, for: order))]
        default:
            return []
        }
    }

    /// The order that the movement concerns.
    public var order: OrderID? {
        switch self {
        case .cash(_, let command):
            switch command {
            case .deposit, .withdraw, .payCoupon, .receiveCoupon: nil
            case .hold(_, let order), .release(_, let order), .releaseAll(let order), .pay(_, _, let order, _),
                .receive(_, let order, _), .refund(_, let order, _), .payInterest(_, let order, _),
                .receiveInterest(_, let order, _):
                order
            }
        case .holdings(_, let command):
            switch command {
            case .deposit, .withdraw: nil
            case .hold(_, _, let order), .release(_, let order), .releaseAll(let order),
                .deliver(_, let order, _), .receive(_, _, let order, _), .takeBack(_, _, let order, _):
                order
            }
        }
    }

    /// Why the movement takes place.
    public var reason: String {
        switch self {
        case .cash(_, .pay), .cash(_, .receive), .holdings(_, .deliver), .holdings(_, .receive):
            "settlement of an execution"
        case .cash(_, .payInterest), .cash(_, .receiveInterest): "accrued interest of an execution"
        default: "the order no longer needs it"
        }
    }
}
