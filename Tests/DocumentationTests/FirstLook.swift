// sample: first look
import Daybook
import DaybookSQLite

enum CashAccount: Decider {
    struct State { var available = 0 }
    enum Command {
        case deposit(Int)
        case hold(Int, order: String)
    }
    enum Event: DomainEvent {
        static let typePrefix = "account"
        case deposited(amount: Int)  // Recorded as type "account.deposited" with the data {"amount":1000}.
        case held(amount: Int, order: String)
    }
    enum Rejection: Error { case insufficientCash(available: Int) }

    static let initialState = State()

    static func decide(_ command: Command, in state: State) throws(Rejection) -> [Event] {
        switch command {
        case .deposit(let amount): return [.deposited(amount: amount)]
        case .hold(let amount, let order):
            guard amount <= state.available else { throw .insufficientCash(available: state.available) }
            return [.held(amount: amount, order: order)]
        }
    }

    static func evolve(_ state: inout State, with event: Event) {
        switch event {
        case .deposited(let amount): state.available += amount
        case .held(let amount, _): state.available -= amount
        }
    }
}
// end of sample

/// The statements of the README's sample, and what they came to.
func firstLook() async throws -> (now: Int, before: Int, isRepeat: Bool) {
    // sample: first look
    let store = try await SQLiteEventStore.open("bank.daybook")
    let accounts = CommandHandler(CashAccount.self, in: store, category: "account")

    try await accounts.handle(.deposit(1_000), id: "42")
    try await accounts.handle(.hold(400, order: "7"), id: "42", commandID: "hold-7")
    let again = try await accounts.handle(.hold(400, order: "7"), id: "42", commandID: "hold-7")

    let now = try await accounts.state(of: "42").state.available
    let before = try await accounts.state(of: "42", asOf: .version(0)).state.available
    print(now, before, again.isRepeat)  // 600 1000 true: a repeated command takes effect once.
    // end of sample
    await store.close()
    return (now, before, again.isRepeat)
}
