import Daybook

/// What happens in the tests.
enum AccountEvent: DomainEvent {
    case deposited(amount: Int)

    static let typePrefix = "account"
}
