import DaybookTesting
import Synchronization
import Testing

@Suite("A torture test")
struct TortureTestTests {
    /// Fails when some steps come together, in whatever company.
    private final class Bug: TortureTest {
        let needed: [Int]
        let runs = Mutex(0)

        init(_ needed: [Int]) { self.needed = needed }

        func steps(seed: UInt64) -> [Int] { Array(0..<Int(seed)) }

        func outcome(under steps: [Int]) async -> TortureOutcome<Int, Bool> {
            runs.withLock { $0 += 1 }
            let isHit = needed.allSatisfy(steps.contains)
            return TortureOutcome(.success(isHit), notes: isHit && !needed.isEmpty ? [needed[0]: "here it was"] : [:])
        }
    }

    @Test("leaves out every step that is not needed, and says what those met with that are")
    func shortest() async throws {
        let failure = try #require(await Bug([7, 3, 12]).failure(seeds: [1, 5, 40, 50]))
        #expect(failure.seed == 40)
        #expect(failure.steps == [3, 7, 12])
        #expect(failure.notes == [7: "here it was"])
        #expect(failure.description.contains("DAYBOOK_SEED=40:\n  1. 3\n  2. 7: here it was\n  3. 12\n"))
    }

    @Test("moves the other steps when one that is left out makes them fall elsewhere")
    func moved() async throws {
        /// Fails at the tenth thing that happens, which every step makes one later.
        struct Shift: TortureTest {
            func steps(seed: UInt64) -> [Int] { [1, 2, 12] }
            func moved(_ step: Int, by distance: Int) -> Int? { step + distance > 0 ? step + distance : nil }
            func outcome(under steps: [Int]) async -> TortureOutcome<Int, Bool> {
                TortureOutcome(.success(steps.contains { $0 - (steps.count - 1) == 10 }))
            }
        }
        let failure = try #require(await Shift().failure(seeds: [1]))
        #expect(failure.steps == [10])
    }

    @Test("runs each schedule once when all is well")
    func well() async {
        let test = Bug([99])
        #expect(await test.check(seeds: Array(1...20)) == nil)
        #expect(test.runs.withLock { $0 } == 21)
    }

    @Test("runs a schedule that is kept")
    func kept() async {
        await Bug([1, 2]).check(2, 3)
        await expectIssue(saying: ["under these steps:\n  1. 1", "2. 2", "3. 3"]) { await Bug([1, 2]).check(1, 2, 3) }
    }

    @Test("says so when nothing has to happen for it to fail")
    func undisturbed() async throws {
        struct Chance: TortureTest {
            let count = Counter()
            func steps(seed: UInt64) -> [Int] { [1, 2] }
            func outcome(under steps: [Int]) async -> TortureOutcome<Int, Int> {
                TortureOutcome(.success(count.next()))
            }
        }
        let failure = try #require(await Chance().failure(seeds: [1]))
        #expect(failure.steps.isEmpty)
        #expect(failure.description.contains("Two undisturbed runs"))
    }

    private final class Counter: Sendable {
        private let value = Mutex(0)
        func next() -> Int {
            value.withLock { value in
                value += 1
                return value
            }
        }
    }
}
