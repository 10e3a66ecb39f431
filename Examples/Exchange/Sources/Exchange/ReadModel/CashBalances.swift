import Daybook
import DaybookCore

/// Every account's cash: a document an account.
public struct CashBalances: Projection {
    public struct Balance: Codable, Sendable, Hashable {
        public var available: Money = 0
        /// What open orders hold.
        public var held: Money = 0

        public var total: Money { available + held }
    }

    public let name: ReadModelName = "cash-balances"

    public init() {}

    public func filter(for key: String) -> EventFilter {
        EventFilter(categories: [CashAccount.category], tags: [AccountID(rawValue: key).tag])
    }

    public func keys(for event: CashAccount.Event, recorded: RecordedEvent) -> [String] {
        recorded.stream.id.map { [String($0)] } ?? []
    }

    public func keys(forUnreadable recorded: RecordedEvent) -> [String]? { recorded.stream.id.map { [String($0)] } }

    public func apply(
        _ event: CashAccount.Event, recorded: RecordedEvent, key: String, to document: inout Balance?
    ) {
        var balance = document ?? Balance()
        switch event {
        case .deposited(let amount), .received(let amount, _, _), .interestReceived(let amount, _, _),
            .couponReceived(let amount, _, _), .refunded(let amount, _, _), .transferredIn(let amount, _, _):
            balance.available += amount
        case .withdrawn(let amount), .couponPaid(let amount, _, _), .transferredOut(let amount, _, _):
            balance.available -= amount
        case .held(let amount, _):
            balance.available -= amount
            balance.held += amount
        case .released(let amount, _):
            balance.held -= amount
            balance.available += amount
        case .paid(let amount, let saved, _, _):
            balance.held -= amount + saved
            balance.available += saved
        case .interestPaid(let amount, _, _): balance.held -= amount
        }
        document = balance
    }
}
