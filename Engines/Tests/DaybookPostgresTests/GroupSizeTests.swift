import DaybookCore
import Testing

@testable import DaybookPostgres

@Suite("The appends that PostgreSQL is sent in one transaction")
struct GroupSizeTests {
    /// All the appends of a writer, transaction by transaction.
    private func groups(_ weights: [Int]) -> [[Int]] {
        var groups: [[Int]] = []
        var rest = weights[...]
        while !rest.isEmpty {
            let group = rest.prefix(GroupWriter.groupSize(of: rest))
            groups.append(Array(group))
            rest = rest.dropFirst(group.count)
        }
        return groups
    }

    @Test("are as many as have room, whatever waits behind the one that has none")
    func bounded() {
        let (small, large) = (1_000, Limits.appendBytes + 1_000)
        let weights = [Int](repeating: large, count: 200) + [Int](repeating: small, count: 200)
        let groups = groups(weights)
        #expect(groups.flatMap { $0 } == weights)
        #expect(groups.allSatisfy { $0.count == 1 || $0.reduce(0, +) <= GroupWriter.bytesPerTransaction })
        #expect(groups.count == 200, "The small ones go with the last large one.")
    }

    @Test("are one at least, however large it is")
    func alone() {
        let large = GroupWriter.bytesPerTransaction + 1
        #expect(groups([large, 1, large]) == [[large], [1], [large]])
        #expect(groups([GroupWriter.bytesPerTransaction, 1]) == [[GroupWriter.bytesPerTransaction], [1]])
    }
}
