import Daybook
import DaybookCore

/// Moves cash from one account to another, both or neither: a rule over two streams that no stream alone can keep.
///
/// Its boundary is all that ever happened to the cash of both accounts. An order that holds cash there meanwhile makes it
/// decide again, as it makes such an order decide again; what happens to any other account is not in the way.
public enum CashTransfer: BoundaryDecider {
    /// Every type of ``CashAccount/Event``: naming them keeps what happens to the accounts' shares out of the boundary.
    static let types: Set<EventType> = [
        "cash.deposited", "cash.withdrawn", "cash.held", "cash.released", "cash.paid", "cash.received", "cash.refunded",
        "cash.transferredOut", "cash.transferredIn", "cash.interestPaid", "cash.interestReceived", "cash.couponPaid",
        "cash.couponReceived",
    ]

    public struct Command: Sendable, Hashable {
        public var amount: Money
        public var source: AccountID
        public var target: AccountID

        public init(_ amount: Money, from source: AccountID, to target: AccountID) {
            self.amount = amount
            self.source = source
            self.target = target
        }
    }

    /// Both accounts; nil for one to which nothing has happened.
    public struct State: Sendable, Equatable {
        let sourceID: AccountID
        let targetID: AccountID
        var source: CashAccount.State?
        var target: CashAccount.State?
    }

    public enum Rejection: Error, Hashable, CustomStringConvertible {
        case sameAccount(AccountID)
        case amountOutOfBounds(Money)
        case insufficientCash(requested: Money, available: Money, held: Money)
        case unknownAccount(AccountID)
        case tooMuchCash(AccountID, Money)

        public var description: String {
            switch self {
            case .sameAccount(let account): "Cash is to go from account \(account) to itself: name two accounts."
            case .amountOutOfBounds(let amount):
                "An amount of \(amount) is outside \(Money.allowed.lowerBound) to \(Money.allowed.upperBound) dollars."
            case .insufficientCash(let requested, let available, let held):
                "\(requested) dollars are asked for, and \(available) are available, beside \(held) that orders hold: "
                    + "transfer less, or delete an order."
            case .unknownAccount(let account):
                "Account \(account) has no cash and never had: check its name. Only its owner opens an account by a "
                    + "transfer."
            case .tooMuchCash(let account, let amount):
                "With \(amount) dollars more, account \(account) would have over \(Money.allowed.upperBound): transfer less."
            }
        }
    }

    public static func boundary(of command: Command) -> EventQuery {
        EventQuery(items: [
            EventQuery.Item(types: types, tags: [command.source.tag]),
            EventQuery.Item(types: types, tags: [command.target.tag]),
        ])
    }

    public static func initialState(for command: Command) -> State {
        State(sourceID: command.source, targetID: command.target)
    }

    public static func decide(_ command: Command, in state: State) throws(Rejection) -> [PlacedEvent] {
        let (amount, source, target) = (command.amount, command.source, command.target)
        guard source != target else { throw .sameAccount(source) }
        guard Money.allowed.contains(amount) else { throw .amountOutOfBounds(amount) }
        guard let giver = state.source else { throw .unknownAccount(source) }
        guard amount <= giver.available else {
            throw .insufficientCash(
                requested: amount, available: giver.available, held: giver.total - giver.available)
        }
        guard state.target != nil || source.owner == target.owner else { throw .unknownAccount(target) }
        guard amount <= Money.allowed.upperBound - (state.target?.total ?? .zero) else {
            throw .tooMuchCash(target, amount)
        }
        return [
            PlacedEvent(
                CashAccount.Event.transferredOut(amount: amount, from: source, to: target),
                in: stream(of: source)),
            PlacedEvent(
                CashAccount.Event.transferredIn(amount: amount, from: source, to: target), in: stream(of: target)),
        ]
    }

    public static func evolve(_ state: inout State, with event: CashAccount.Event, of stream: StreamName) {
        // A transfer has the tags of both accounts, and belongs to the one in whose stream it is.
        if stream == Self.stream(of: state.sourceID) {
            evolve(&state.source, with: event)
        } else if stream == Self.stream(of: state.targetID) {
            evolve(&state.target, with: event)
        }
    }

    private static func evolve(_ account: inout CashAccount.State?, with event: CashAccount.Event) {
        var changed = account.take() ?? CashAccount.initialState
        CashAccount.evolve(&changed, with: event)
        account = changed
    }

    private static func stream(of account: AccountID) -> StreamName {
        StreamName(unchecked: "\(CashAccount.category)-\(account)")
    }
}
