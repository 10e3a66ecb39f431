import DaybookCore
import DaybookTesting
import Testing

@Suite("A broken store", .timeLimit(.minutes(5)))
struct BrokenStoreTests {
    @Test("breaks a law", arguments: BrokenStore.Fault.allCases)
    func breaksALaw(fault: BrokenStore.Fault) async throws {
        for law in EventStoreLaw.all {
            do { try await law.check(BrokenStore(fault)) } catch { return }
        }
        Issue.record("No law of \(EventStoreLaw.all.count) tells a store that \(fault.rawValue)")
    }

    @Test("differs from the model within 40 seeds, and few steps show it", arguments: BrokenStore.Fault.allCases)
    func differsFromTheModel(fault: BrokenStore.Fault) async throws {
        // Limits are no part of the model, and without a clock that is driven few reads meet one time exactly.
        guard fault != .clampsLimits, fault != .neverIsAtEnd else { return }
        for seed in 1...40 as ClosedRange<UInt64> {
            do {
                try await EventStoreModelTest(seed: seed, steps: 60).run { BrokenStore(fault) }
            } catch let failure as ModelTestFailure {
                #expect(failure.seed == seed)
                #expect(!failure.difference.isEmpty)
                #expect(failure.steps.count <= 12, "\(failure)")
                return
            }
        }
        Issue.record("No seed up to 40 tells a store that \(fault.rawValue)")
    }

    @Test("is told by steps that anybody can read")
    func readable() async throws {
        let test = EventStoreModelTest(seed: 3, steps: 60)
        let failure = await #expect(throws: ModelTestFailure.self) {
            try await test.run { BrokenStore(.losesLastEventOfBatch) }
        }
        let text = try #require(failure).description
        #expect(text.contains("DAYBOOK_SEED=3"))
        #expect(text.contains("  1. append to '"))
    }
}
