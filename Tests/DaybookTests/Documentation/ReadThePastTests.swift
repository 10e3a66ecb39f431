import Daybook
import DaybookCore
import DaybookTesting
import Testing

// The samples of "Read the past" stand here between marks; `scripts/check-samples` compares them with the article.

@Suite("The guide to the past", .timeLimit(.minutes(1)))
struct ReadThePastTests {
    @Test("runs")
    func past() async throws {
        typealias Balances = ReadThePastSamples.Balances
        let time = DrivenTime()
        let store = InMemoryEventStore(time: time.source)
        let accounts = CommandHandler(CashAccount.self, in: store, category: "account")
        try await accounts.handle(.deposit(amount: 100), id: "42")
        let midnight = time.now
        time.advance(by: .seconds(60))
        try await accounts.handle(.withdraw(amount: 30), id: "42")

        // sample: ask for a document
        let history = ProjectionHistory(Balances(), of: store)
        let then = try await history.document("account-42", asOf: .time(midnight))
        // end of sample
        #expect(then?.amount == 100)

        // sample: keep snapshots
        let kept = history.keepingSnapshots(in: store)
        let again = try await kept.document("account-42", asOf: .time(midnight))
        try await kept.keepSnapshots(asOf: .time(midnight))
        let all = try await kept.documents(asOf: .time(midnight))
        // end of sample
        #expect(again?.amount == 100 && all.mapValues(\.amount) == ["account-42": 100])

        // sample: ask for a state
        let state = try await accounts.state(of: "42", asOf: .time(midnight)).state
        let night = try await accounts.difference(of: "42", from: .time(midnight))
        print("from \(night.before.state.balance) to \(night.after.state.balance) by", night.steps.map(\.events))
        // end of sample
        #expect(state.balance == 100 && night.after.state.balance == 70)

        // sample: replay the application
        let past = try await Replay(of: store).inMemory(asOf: .time(midnight))
        let balances = ProjectionRunner(Balances(), of: past, in: past)
        _ = try await balances.catchUp()
        // end of sample
        #expect(try await balances.readModel.document("account-42")?.amount == 100)

        // sample: compare two moments
        for change in try await LogDifference(of: store, from: .time(midnight)).streams {
            print(change.stream, change.versions, change.eventCounts)
        }
        // end of sample
    }
}

enum ReadThePastSamples {
    enum Tags { static let account = TagKey<String>("account") }

    struct Balances: Projection {
        typealias Balance = KeepReadModelsSamples.Balances.Balance
        let name: ReadModelName = "balances"
        func keys(for event: AccountEvent, recorded: RecordedEvent) -> [String] { [recorded.stream.rawValue] }
        func apply(_ event: AccountEvent, recorded: RecordedEvent, key: String, to document: inout Balance?) {
            KeepReadModelsSamples.Balances().apply(event, recorded: recorded, key: key, to: &document)
        }
    }

    struct Tagged {
        // sample: find a document's events
        func filter(for key: String) -> EventFilter { EventFilter(tags: [Tags.account(key)]) }
        // end of sample
    }
}
