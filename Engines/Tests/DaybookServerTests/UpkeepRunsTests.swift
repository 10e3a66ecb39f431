import DaybookCore
import Testing

@testable import DaybookServer

@Suite("Tasks of upkeep that are under way")
struct UpkeepRunsTests {
    @Test("are one that changes the store, and some in all")
    func limits() {
        let runs = UpkeepRuns()
        let (first, second) = (EventID(), EventID())
        #expect(runs.begin(first, onlyLooks: false) && !runs.begin(first, onlyLooks: true))
        #expect(!runs.begin(second, onlyLooks: false))
        let looking = (0..<UpkeepRuns.limit).map { _ in runs.begin(EventID(), onlyLooks: true) }
        #expect(looking.filter { $0 }.count == UpkeepRuns.limit - 1)
        runs.end(first)
        #expect(runs.begin(second, onlyLooks: false))
    }
}
