import DaybookTesting
import Testing

@testable import DaybookSQLite

@Suite("Positions that have no event on purpose")
struct AbsentPositionsTests {
    @Test("are told from those that are missing, in whatever order they are found", arguments: UInt64(0)..<50)
    func missing(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var absent = AbsentPositions(beside: [])
        var scavenged: Set<Int64> = []
        for _ in 0..<Int.random(in: 0...12, using: &random) {
            let first = Int64.random(in: 1...60, using: &random)
            let range = first...first + Int64.random(in: 0...5, using: &random)
            scavenged.formUnion(range)
            for _ in 0..<2 { absent.add(ScavengedRange(range)) }
        }
        let gaps: [ClosedRange<Int64>] = [1...7, 9...9, 20...50, 64...70]
        let missing = absent.missing(of: gaps)
        #expect(missing.flatMap { Array($0) } == gaps.flatMap { Array($0) }.filter { !scavenged.contains($0) })
    }

    /// A set that is changed range by range would move what lies behind each, which takes minutes.
    @Test("may be many, as where every other event was scavenged", .timeLimit(.minutes(1)))
    func many() {
        var absent = AbsentPositions(beside: [])
        let count: Int64 = 500_000
        for number in (1...count).reversed() { absent.add(ScavengedRange(2 * number...2 * number)) }
        let missing = absent.missing(of: [1...2 * count])
        #expect(missing.count == Int(count) && missing.first == 1...1 && missing.last == 2 * count - 1...2 * count - 1)
    }
}
