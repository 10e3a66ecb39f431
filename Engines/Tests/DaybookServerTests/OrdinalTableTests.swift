import DaybookCore
import Testing

@testable import DaybookServer

@Suite struct OrdinalTableTests {
    /// Positions whose differences take one to four bytes.
    private static let positions: [Position] = {
        var position: Int64 = 0
        return (0..<3_500).map { number in
            position += [1, 127, 128, 20_000, 3_000_000][number % 5]
            return Position(position)
        }
    }()

    @Test func everyPositionIsFoundAgain() {
        var table = OrdinalTable(keepsEveryPosition: true)
        for (index, position) in Self.positions.enumerated() {
            #expect(table.count == Int64(index))
            table.append(position)
        }
        for first in [0, 1, 2, 998, 999, 1_000, 1_001, 1_999, 2_000, 3_000, 3_498, 3_499] {
            for limit in [1, 2, 500, 1_000, 1_001, 5_000] {
                #expect(
                    table.positions(from: Int64(first), limit: limit)
                        == Array(Self.positions.dropFirst(first).prefix(limit)))
            }
        }
        #expect(table.positions(from: 3_500, limit: 10).isEmpty)
    }

    @Test(arguments: [false, true]) func aMarkIsAtMost1000EventsBefore(_ keepsEveryPosition: Bool) {
        var table = OrdinalTable(keepsEveryPosition: keepsEveryPosition)
        for position in Self.positions { table.append(position) }
        for ordinal in [Int64(0), 1, 999, 1_000, 1_001, 3_499] {
            let mark = table.mark(before: ordinal)
            #expect(mark.ordinal == ordinal / 1_000 * 1_000)
            #expect(mark.position == Self.positions[Int(mark.ordinal)])
            #expect(table.mark(upTo: Self.positions[Int(ordinal)])?.ordinal == mark.ordinal)
        }
        #expect(table.mark(upTo: .start)?.ordinal == nil)
        #expect(table.mark(upTo: Position(.max))?.ordinal == 3_000)
    }
}
