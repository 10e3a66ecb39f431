import Daybook
import DaybookCore
import DaybookTesting
import Testing

// The samples of "Decide recorded commands again" stand here between marks; `scripts/check-samples` compares them with the article.

@Suite("The guide to deciding again", .timeLimit(.minutes(1)))
struct DecideAgainTests {
    @Test("runs")
    func decidingAgain() async throws {
        typealias CarefulAccount = DecideAgainSamples.CarefulAccount
        let time = DrivenTime()
        let store = InMemoryEventStore(time: time.source)
        let yesterday = time.now
        time.advance(by: .seconds(60))
        let accounts = CommandHandler(CashAccount.self, in: store, category: "account", recording: .all)
        try await accounts.handle([.deposit(amount: 150), .withdraw(amount: 60)], id: "1")
        let today = time.now

        // sample: decide again
        let replay = DecisionReplay(CarefulAccount.self, of: "account", in: store)
        let report = try await replay.run(after: .time(yesterday), through: .time(today))
        print("\(report.differenceCount) of \(report.commandCount) would come out differently")
        for difference in report.differences {
            print(difference.id, difference.command, difference.recorded, "→", difference.replayed)
        }
        // end of sample
        #expect(report.differenceCount == 1 && report.commandCount == 2)
    }

    @Test("runs on several subjects")
    func decidingOverSeveralSubjectsAgain() async throws {
        typealias Enrolment = BoundarySamples.Enrolment
        typealias SmallClasses = BoundarySamples.SmallClasses
        let store = InMemoryEventStore()
        let offered = BoundarySamples.SchoolEvent.offered(course: "algebra", seats: 9)
        let encoded = try JSONEventCodec<BoundarySamples.SchoolEvent>().encode(offered)
        try await store.append([NewEvent(encoded, tags: offered.tags)], to: "course-algebra")

        // sample: record boundary commands
        let enrolments = BoundaryHandler(Enrolment.self, in: store).recording(.all, in: "enrolment_commands")
        // end of sample
        try await enrolments.handle(.init(student: "ada", course: "algebra"))
        try await enrolments.handle(.init(student: "bo", course: "algebra"))

        // sample: decide over several subjects again
        let replay = BoundaryDecisionReplay(SmallClasses.self, recordedIn: "enrolment_commands", from: store)
        let report = try await replay.run()
        // end of sample
        #expect(report.commandCount == 2 && report.counts == [.nowRejected: 1])
    }
}

enum DecideAgainSamples {
    // sample: write the new rule
    enum CarefulAccount: Decider {
        static let initialState = CashAccount.initialState

        static func decide(
            _ command: CashAccount.Command, in state: CashAccount.State
        ) throws(CashAccount.Rejection) -> [AccountEvent] {
            if case .withdraw(let amount) = command, amount > state.balance - 100 {
                throw .insufficientCash(requested: amount, available: max(0, state.balance - 100))
            }
            return try CashAccount.decide(command, in: state)
        }

        static func evolve(_ state: inout CashAccount.State, with event: AccountEvent) {
            CashAccount.evolve(&state, with: event)
        }
    }
    // end of sample
}
