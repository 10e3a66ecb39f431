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
        arguments: [10071, 10164, 10176, 10210, 429, 10063, 10077])
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

    @Test("is that one can never be stored when it was not there, and something was that it expected not to be")
    func ruledOut() throws {
        let subjects = LogSubjects(store: "s")
        let own = try #require(subjects.subject(of: "own-1" as StreamName))
        let other = try #require(subjects.subject(of: "other-1" as StreamName))
        var request = AppendRequest()
        request.append([NewEvent(type: "counted", data: [])], to: "own-1", expecting: .noStream)
        request.check("other-1", at: .noStream)
        var knowledge = AppendKnowledge(subjects: subjects, isFresh: true)
        let plan = AppendPlan(recording: request, digest: 0, knowledge: knowledge, subjects: subjects)
        knowledge.ends = [own: 0, other: 0]
        #expect(!knowledge.rulesOut(plan))
        knowledge.ends[other] = 7
        #expect(knowledge.rulesOut(plan))
        // What came on its own subject may be its own, and has to be looked at.
        knowledge.ends[own] = 6
        #expect(!knowledge.rulesOut(plan))
        var attempts = AppendAttempts(until: .now)
        attempts.note(.timedOut, of: plan)
        attempts.note(.refused(code: 10071, description: ""), of: plan)
        attempts.ruleOut(plan)
        #expect(!attempts.isAnyUnknown)
    }

    @Test("is that one can never be stored when the whole log has grown which it expected to end somewhere")
    func ruledOutByTheLog() throws {
        let subjects = LogSubjects(store: "s")
        let own = try #require(subjects.subject(of: "own-1" as StreamName))
        var request = AppendRequest()
        request.append([NewEvent(type: "counted", data: [])], to: "own-1", expecting: .any)
        request.condition = AppendCondition(failIfEventsMatch: EventQuery(types: ["held"]), after: .start)
        var knowledge = AppendKnowledge(subjects: subjects, isFresh: true)
        knowledge.lastSequence = 5
        knowledge.ends = [own: 0]
        let plan = AppendPlan(recording: request, digest: 0, knowledge: knowledge, subjects: subjects)
        #expect(!knowledge.rulesOut(plan))
        knowledge.lastSequence = 6
        #expect(knowledge.rulesOut(plan))
    }
}
