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

    @Test("of the index give back their numbers, and no changed byte goes unnoticed")
    func blocks() throws {
        var random = SplitMix64(seed: 8)
        let connection = try Connection(path: ":memory:", readOnly: false, creates: true, fileSystem: nil)
        try connection.execute(Schema.index)
        let insert = try connection.prepare("INSERT INTO index_blocks(id, data) VALUES(?, ?)")
        var builder = SegmentBuilder(insert, segment: 3, keys: 40)
        var expected: [IndexKey: Postings] = [:]
        for kind in [IndexKey.Kind.stream, .tag] {
            for name in [-5, 0, 7, 1 << 60] as [Int64] {
                let key = IndexKey(kind: kind, key: name)
                var number: Int64 = 0
                let numbers = (0..<Int.random(in: 1...3000, using: &random)).map { _ in
                    number += Int64.random(in: 1...100_000, using: &random)
                    return number
                }
                let postings = Postings(kind: kind, first: kind == .stream ? 17 : numbers[0], numbers: numbers)
                expected[key] = postings
                // Given in parts, they become one list again.
                var rest = postings
                while rest.numbers.count > 700 {
                    var part = rest
                    part.numbers = Array(rest.numbers[..<300])
                    try builder.add(part, under: key)
                    rest = rest.suffix(from: 300)
                }
                try builder.add(rest, under: key)
            }
        }
        let map = try builder.finish()
        #expect(map.keys == 8)
        let rows = try connection.prepare("SELECT id, data FROM index_blocks ORDER BY id")
        var found: [IndexKey: [Int64]] = [:]
        var number = 0
        while try rows.step() {
            let id = rows.integer(0)
            #expect(id == IndexBlock.id(segment: 3, number: number))
            var bytes = Array(rows.bytes(1))
            try bytes.withUnsafeBytes { bytes in
                var block = try IndexBlock(bytes, id: id)
                while let entry = try block.next() {
                    #expect(entry.count <= IndexBlock.numbersPerEntry)
                    let postings = try entry.postings()
                    #expect(map.block(of: entry.key, at: postings.first) == number)
                    found[entry.key, default: []] += postings.numbers
                }
                #expect(throws: RecordDamage.self) { _ = try IndexBlock(bytes, id: id + 1) }
            }
            let place = Int.random(in: 0..<bytes.count, using: &random)
            bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            #expect(throws: RecordDamage.self) { try bytes.withUnsafeBytes { _ = try IndexBlock($0, id: id) } }
            number += 1
        }
        #expect(number == map.fences.count)
        #expect(found == expected.mapValues(\.numbers))
        #expect(expected.keys.allSatisfy(map.filter.mayContain))
        var saved = map.encoded(segment: 3)
        let read = try saved.withUnsafeBytes { try SegmentMap(decoding: $0, segment: 3) }
        #expect(read.encoded(segment: 3) == saved)
        #expect(throws: RecordDamage.self) {
            try saved.withUnsafeBytes { _ = try SegmentMap(decoding: $0, segment: 4) }
        }
        saved[saved.count / 2] ^= 4
        #expect(throws: RecordDamage.self) {
            try saved.withUnsafeBytes { _ = try SegmentMap(decoding: $0, segment: 3) }
        }
    }

    /// A block with a right CRC is still bytes from a disk.
    @Test(
        "of the index are refused when their numbers do not grow, or their versions are none",
        arguments: [
            (IndexKey.Kind.tag, 5, [5, 3]), (.tag, -1, [-1]), (.tag, 4, [5]), (.stream, .max, [5, 6]),
            (.stream, .max - 1, [5, 6]), (.stream, -1, [5]),
        ] as [(IndexKey.Kind, Int64, [Int64])])
    func crookedPostings(kind: IndexKey.Kind, first: Int64, numbers: [Int64]) throws {
        var deltas: [UInt8] = []
        var previous: Int64 = 0
        for number in numbers {
            deltas.appendVarint(UInt64(bitPattern: number - previous))
            previous = number
        }
        var block: [UInt8] = [0, 0, 0, 0, kind.rawValue, 1, 0, 0, 0, 0, 0, 0, 0]
        block.appendVarint(UInt64(bitPattern: first))
        block.appendVarint(UInt64(numbers.count))
        block.appendVarint(UInt64(deltas.count))
        block += deltas
        withUnsafeBytes(of: CRC32C.of(~3, block[4...]).littleEndian) { block.replaceSubrange(..<4, with: $0) }
        #expect(throws: RecordDamage.self) {
            try block.withUnsafeBytes {
                var view = try IndexBlock($0, id: 3)
                while let entry = try view.next() { _ = try entry.postings() }
            }
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
