import Daybook

/// What happens to a customer's cash.
enum AccountEvent: DomainEvent, Equatable {
    case deposited(amount: Int)
    case withdrawn(amount: Int)
    case closed

    static let typePrefix = "account"
}

/// One customer's cash: the decider of these tests.
enum CashAccount: Decider {
    struct State: Sendable, Equatable {
        var balance = 0
        var isClosed = false
        var eventCount = 0
    }
    enum Command: Codable, Sendable, Equatable {
        case deposit(amount: Int)
        case withdraw(amount: Int)
        case close
    }
    enum Rejection: Error, Equatable {
        case insufficientCash(requested: Int, available: Int)
        case closed
    }

    static let initialState = State()

    static func decide(_ command: Command, in state: State) throws(Rejection) -> [AccountEvent] {
        switch command {
        case .close: return state.isClosed ? [] : [.closed]
        case _ where state.isClosed: throw .closed
        case .deposit(let amount): return [.deposited(amount: amount)]
        case .withdraw(let amount):
            guard amount <= state.balance else {
                throw .insufficientCash(requested: amount, available: state.balance)
            }
            return [.withdrawn(amount: amount)]
        }
    }

    static func evolve(_ state: inout State, with event: AccountEvent) {
        state.eventCount += 1
        switch event {
        case .deposited(let amount): state.balance += amount
        case .withdrawn(let amount): state.balance -= amount
        case .closed: state.isClosed = true
        }
    }
}
