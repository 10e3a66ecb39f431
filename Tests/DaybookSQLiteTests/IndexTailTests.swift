import Testing

@testable import DaybookSQLite

@Suite("The index in memory")
struct IndexTailTests {
    @Test("gives the last versions of a stream without a gap while a part of them is being written to a segment")
    func backwardOverGenerations() throws {
        let tail = IndexTail()
        let key = IndexKey(kind: .stream, key: 1)
        func add(_ versions: Range<Int64>) {
            tail.state.withLock { state in
                for version in versions { state.active.add(100 + version, ordinal: version, under: key) }
            }
        }
        add(0..<6)
        _ = tail.freeze()
        add(6..<10)
        for limit in 1...12 {
            for last in Int64(0)...9 {
                let found = try tail.numbers(
                    under: key, ordinals: Int64.min...last, limit: limit, fromEnd: true, epoch: 0)
                let expected = (max(0, last - Int64(limit) + 1)...last).map { 100 + $0 }
                #expect(found?.numbers.suffix(limit) == expected[...], "\(limit) up to version \(last)")
                #expect(found?.lastOrdinal == last, "\(limit) up to version \(last)")
                let forward = try tail.numbers(
                    under: key, ordinals: last...Int64.max, limit: limit, fromEnd: false, epoch: 0)
                #expect(forward?.first == last)
                #expect(
                    forward?.numbers.prefix(limit) == (last...min(9, last + Int64(limit) - 1)).map { 100 + $0 }[...])
            }
        }
    }

    @Test("never forgets that there are settings of streams, whatever segment they have gone to since")
    func controls() {
        let tail = IndexTail()
        #expect(!tail.hasControls)
        tail.state.withLock { $0.active.add(1, ordinal: 1, under: IndexKey(kind: .control, key: 1)) }
        for segment in Int64(1)...3 {
            #expect(tail.hasControls)
            _ = tail.freeze()
            tail.retire(segment, SegmentFilter(keys: 1))
        }
        #expect(tail.hasControls, "A reader of long ago has its segment in no list.")
    }
}
