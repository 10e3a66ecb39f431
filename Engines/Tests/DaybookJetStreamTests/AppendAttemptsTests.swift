import DaybookCore
import Testing

@testable import DaybookJetStream

@Suite("What is known of the attempts of an append")
struct AppendAttemptsTests {
    private let plan = AppendPlan(
        remembering: AppendResult(
            streams: [], position: .start, eventCount: 0, recordedAt: Timestamp(microseconds: 0)),
        of: "command", digest: 0, expectedLast: nil, subjects: LogSubjects(store: "s"))

    @Test(
        "is that one may be stored which a leader refused or put off, since another leader may not have",
        arguments: [10071, 10164, 10176, 10210, 429, 10077])
    func refused(_ code: Int) {
        var attempts = AppendAttempts(until: .now)
        attempts.note(.refused(code: code, description: ""), of: plan)
        #expect(attempts.isAnyUnknown)
        let failure = ConnectionFailure.noResponders
        #expect(attempts.error(failure) == .storageFailed(reason: failure.reason, mayBeWritten: true))
        #expect(attempts.error(reading: .cancelled) == .cancelled(mayBeWritten: true))
    }

    @Test(
        "is that one may be stored whose answer did not come",
        arguments: [ConnectionFailure.timedOut, .disconnected, .cancelled, .closed, .unreadable("")])
    func unknown(_ failure: ConnectionFailure) {
        var attempts = AppendAttempts(until: .now)
        attempts.note(failure, of: plan)
        #expect(attempts.unknown.map(\.number) == [plan.number] && attempts.refused.isEmpty)
    }

    @Test(
        "is that none is stored that did not arrive, or that every leader refuses",
        arguments: [
            ConnectionFailure.noResponders, .notSent(reason: ""), .refused(code: 10199, description: ""),
            .refused(code: 10054, description: ""),
        ])
    func never(_ failure: ConnectionFailure) {
        var attempts = AppendAttempts(until: .now)
        attempts.note(failure, of: plan)
        #expect(!attempts.isAnyUnknown)
        #expect(attempts.error(failure) == .storageFailed(reason: failure.reason, mayBeWritten: false))
    }
}
