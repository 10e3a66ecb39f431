import DaybookCore
import StoreTrials
import Testing

/// What the loads on a cluster are judged by, where no server is needed.
@Suite("What writers were told of their appends")
struct AcknowledgedAppendsTests {
    @Test("is what a correct store has in its log, and each planted violation is reported")
    func planted() async throws {
        let store = InMemoryEventStore()
        let writers = LoadWriters()
        try await writers.run(on: store, rounds: 40)
        var log: [RecordedEvent] = []
        for try await event in store.events(filter: .everything) { log.append(event) }
        let appends = writers.appends
        #expect(appends.told.count >= 9 * 40, "Only those on a condition are refused.")
        let violations = appends.violations(in: log)
        #expect(violations.isEmpty, "\(violations.prefix(5))")
        #expect(appends.missed(in: log) == [])
    }

    @Test("is planted nowhere, and so missed, where nothing was told")
    func nothingTold() {
        #expect(AcknowledgedAppends().missed(in: []) == AcknowledgedAppends.Violation.Kind.allCases)
    }
}
