import Daybook

/// What happens to one account.
enum AccountEvent: DomainEvent, Equatable {
    case deposited(amount: Int)
    case withdrawn(amount: Int)
    case closed

    static let typePrefix = "account"
}

/// What happens between two accounts.
enum TransferEvent: DomainEvent, Equatable {
    case sent(from: String, to: String, amount: Int)

    static let typePrefix = "transfer"
}

/// The events of both domains.
enum LedgerEvent: EventUnion, Equatable {
    case account(AccountEvent)
    case transfer(TransferEvent)

    static let members = [EventUnionMember(LedgerEvent.account), EventUnionMember(LedgerEvent.transfer)]
}
