import CDaybookSQLite
import DaybookCore
import DaybookTesting
import Testing

@testable import DaybookSQLite

@Suite("Stored bytes")
struct RecordTests {
    @Test("have the CRC-32C of RFC 3720, by instruction and by table")
    func crc() {
        let zeros = [UInt8](repeating: 0, count: 32)
        #expect(daybook_crc32c(0, zeros, 32) == 0x8A91_36AA)
        #expect(daybook_crc32c(0, Array("123456789".utf8), 9) == 0xE306_9283)
        var random = SplitMix64(seed: 7)
        for length in 0..<300 {
            let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
            let split = length / 3
            #expect(daybook_crc32c(0, bytes, length) == daybook_crc32c_portable(0, bytes, length))
            let first = daybook_crc32c(0, bytes, split)
            #expect(daybook_crc32c(first, Array(bytes[split...]), length - split) == daybook_crc32c(0, bytes, length))
        }
    }

    @Test("of an event tell every changed bit, and every other place")
    func eventRecord() throws {
        var buffer = RecordBuffer()
        let record = EventRecord(
            recordedAt: 1, id: EventID(), stream: 2, version: 3, type: 4, contentType: 5, schemaVersion: 6,
            indexInAppend: 7, eventsInAppend: 8)
        record.encode(tags: [9, 10], data: [1, 2, 3], metadata: [4], at: 11, into: &buffer)
        var bytes = Array(buffer.bytes)
        let view = try bytes.withUnsafeBytes { try EventRecord.View($0, at: 11).id }
        #expect(view == record.id)
        for bit in 0..<bytes.count * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8)
            #expect(throws: RecordDamage.self) { try bytes.withUnsafeBytes { _ = try EventRecord.View($0, at: 11) } }
            bytes[bit / 8] ^= 1 << (bit % 8)
        }
        #expect(throws: RecordDamage.self) { try bytes.withUnsafeBytes { _ = try EventRecord.View($0, at: 12) } }
        for length in 0..<bytes.count {
            #expect(throws: RecordDamage.self) {
                try Array(bytes[..<length]).withUnsafeBytes { _ = try EventRecord.View($0, at: 11) }
            }
        }
    }

    @Test("of the index give back their numbers")
    func postings() throws {
        var random = SplitMix64(seed: 8)
        for kind in [IndexKey.Kind.stream, .tag] {
            var number: Int64 = 0
            let numbers = (0..<500).map { _ in
                number += Int64.random(in: 1...100_000, using: &random)
                return number
            }
            let key = IndexKey(kind: kind, key: -5)
            let postings = Postings(kind: kind, first: kind == .stream ? 17 : numbers[0], numbers: numbers)
            let (first, data) = postings.encoded(range: 100..<400, segment: 3, key: key)
            let decoded = try data.withUnsafeBytes { try Postings(decoding: $0, segment: 3, key: key, first: first) }
            #expect(decoded.numbers == Array(numbers[100..<400]))
            #expect(decoded.ordinal(0) == postings.ordinal(100))
            #expect(decoded.index(atOrAbove: postings.ordinal(150)) == 50)
            #expect(throws: RecordDamage.self) {
                try data.withUnsafeBytes { _ = try Postings(decoding: $0, segment: 4, key: key, first: first) }
            }
        }
    }

    /// A row with a right CRC is still bytes from a disk.
    @Test(
        "of the index are refused when their numbers do not grow, or their versions are none",
        arguments: [
            (IndexKey.Kind.tag, 5, [5, 3]), (.tag, 5, [-1]), (.stream, .max, [5, 6]), (.stream, .max - 1, [5, 6]),
            (.stream, -1, [5]),
        ] as [(IndexKey.Kind, Int64, [Int64])])
    func crookedPostings(kind: IndexKey.Kind, first: Int64, numbers: [Int64]) throws {
        let key = IndexKey(kind: kind, key: 1)
        var row: [UInt8] = [0, 0, 0, 0]
        var previous: Int64 = 0
        for number in numbers {
            row.appendVarint(UInt64(bitPattern: number - previous))
            previous = number
        }
        let crc = Postings.crc(row[4...], segment: 3, key: key, first: first)
        withUnsafeBytes(of: crc.littleEndian) { row.replaceSubrange(..<4, with: $0) }
        #expect(throws: RecordDamage.self) {
            try row.withUnsafeBytes { _ = try Postings(decoding: $0, segment: 3, key: key, first: first) }
        }
    }

    @Test("are told by a segment's filter: every key that is there, and few that are not")
    func segmentFilter() {
        var filter = SegmentFilter(keys: 1000)
        for key in 0..<1000 as Range<Int64> { filter.add(IndexKey(kind: .tag, key: key)) }
        for key in 0..<1000 as Range<Int64> { #expect(filter.mayContain(IndexKey(kind: .tag, key: key))) }
        let wrong = (1000..<11_000 as Range<Int64>).count { filter.mayContain(IndexKey(kind: .tag, key: $0)) }
        #expect(wrong < 300)
        #expect((0..<1000 as Range<Int64>).count { filter.mayContain(IndexKey(kind: .stream, key: $0)) } < 50)
    }
}
