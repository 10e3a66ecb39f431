import DaybookCore
import DaybookTesting
import Testing

// The samples of "Write a store of your own" stand here between marks; `scripts/check-samples` compares them with the article.

@Suite("A store of your own")
struct WriteAStoreTests {
    // sample: laws
    @Test("keeps every law", arguments: EventStoreLaw.all)
    func law(_ law: EventStoreLaw) async throws {
        try await law.check(InMemoryEventStore())
    }
    // end of sample

    // sample: model
    @Test("does what the model says", arguments: TestSeeds.first(20))
    func model(seed: UInt64) async throws {
        try await EventStoreModelTest(seed: seed, steps: 60).run { InMemoryEventStore() }
    }
    // end of sample

    // sample: history
    @Test("answers many clients in some order", arguments: TestSeeds.first(2))
    func history(seed: UInt64) async throws {
        let store = InMemoryEventStore()
        let history = try await HistoryWorkload(seed: seed, operations: 1_000).run(on: store)
        let violations = history.check().violations
        #expect(violations.isEmpty, "seed \(seed): \(violations.prefix(3))")
        #expect(HistoryCanary(history).missed(seed: seed).isEmpty, "seed \(seed)")
    }
    // end of sample

    // sample: recording
    @Test("answers the calls of an application in some order")
    func recording() async throws {
        let store = InMemoryEventStore()
        let recorder = HistoryRecorder()
        await withTaskGroup { group in
            for number in 0..<4 {
                let client = RecordingStore(base: store, recorder: recorder, client: number)
                group.addTask {
                    for _ in 0..<50 {
                        let version = try? await client.state(of: "count-1").expectedVersion
                        let event = NewEvent(type: "counted", data: Array("{}".utf8))
                        _ = try? await client.append([event], to: "count-1", expecting: version ?? .any)
                    }
                }
            }
        }
        let check = try await recorder.history(of: store).check()
        #expect(check.violations.isEmpty, "\(check.violations.prefix(3))")
    }
    // end of sample
}
