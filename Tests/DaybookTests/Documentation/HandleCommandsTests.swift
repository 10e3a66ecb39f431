import Daybook
import DaybookCore
import Testing

// The samples of "Carry out commands" stand here between marks; `scripts/check-samples` compares them with the article.

private enum Ledger: Decider {
    enum Rejection: Error { case never }
    typealias State = Int
    static let initialState = 0
    static func decide(_ command: Int, in state: Int) throws(Rejection) -> [AccountEvent] {
        [.deposited(amount: command)]
    }
    static func evolve(_ state: inout Int, with event: AccountEvent) { state += 1 }
}

@Suite("The guide to commands", .timeLimit(.minutes(1)))
struct HandleCommandsTests {
    @Test("runs")
    func commands() async throws {
        let store = InMemoryEventStore()

        // sample: handle a command
        let accounts = CommandHandler(CashAccount.self, in: store, category: "account")
        let receipt = try await accounts.handle(.deposit(amount: 100), id: "42", commandID: "deposit-17")
        print(receipt.events, "at position", receipt.position)
        // end of sample

        // sample: repeat a command
        let again = try await accounts.handle(.deposit(amount: 100), id: "42", commandID: "deposit-17")
        assert(again.isRepeat && again.position == receipt.position)
        // end of sample
        #expect(again.isRepeat)

        // sample: catch a rejection
        do {
            try await accounts.handle(.withdraw(amount: 500), id: "42")
        } catch .rejected(.insufficientCash(let requested, let available)) {
            print("\(requested) were asked for, and \(available) are there")
        }
        // end of sample

        // sample: say who asks
        try await CommandContext.with(actor: "clerk-7", reason: "agreed by telephone") {
            _ = try await accounts.handle(.deposit(amount: 25), id: "42")
        }
        // end of sample
        let events = try await store.readPage(of: "account-42", from: .end, direction: .backward, limit: 1).events
        #expect(try EventMetadata(decoding: events[0].metadata).actor == "clerk-7")

        // sample: record commands
        let audited = CommandHandler(CashAccount.self, in: store, category: "account", recording: .all)
        // end of sample
        try await audited.handle(.close, id: "42")
        #expect(try await store.state(of: "account_commands-42").lastVersion == 0)

        // sample: save snapshots
        let ledgers = CommandHandler(
            Ledger.self, in: store, category: "ledger", snapshots: .every(1_000), keptIn: store)
        // end of sample
        try await ledgers.handle([Int](repeating: 1, count: 1_001), id: "1")
        await ledgers.finishSnapshots()
    }
}
