import DaybookCore

@testable import DaybookSQLite

/// Stored bytes: event records, commit records, rows of the index. Whatever they are, they are read or refused; what was
/// read and is written again reads the same.
///
/// The first byte says which kind the rest is, and whether its CRC is put right first: made-up bytes would hardly ever have
/// the right one, and all that lies behind the check would never be reached.
enum RecordFuzzing {
    private static let place: Int64 = 7

    static func run(_ input: [UInt8]) {
        guard let first = input.first else { return }
        var bytes = Array(input.dropFirst())
        let repairs = first & 0x80 != 0
        switch first & 3 {
        case 0:
            if repairs { repair(&bytes) { CRC32C.of(place, $0) } }
            event(bytes)
        case 1:
            if repairs { repair(&bytes) { CRC32C.of(place, $0) } }
            commit(bytes)
        case 2:
            if repairs { repair(&bytes) { CRC32C.of(~place, $0) } }
            block(bytes)
        default:
            if repairs { repair(&bytes) { CRC32C.of(place, $0) } }
            map(bytes)
        }
    }

    private static func repair(_ bytes: inout [UInt8], _ crc: (ArraySlice<UInt8>) -> UInt32) {
        guard bytes.count >= 4 else { return }
        withUnsafeBytes(of: crc(bytes[4...]).littleEndian) { bytes.replaceSubrange(..<4, with: $0) }
    }

    private struct Event: Equatable {
        var numbers: [Int64]
        var id: EventID
        var tags: [Int64]
        var data: [UInt8]
        var metadata: [UInt8]

        init(_ view: EventRecord.View) {
            numbers = [
                view.recordedAt, view.stream, view.version, view.type, view.contentType, Int64(view.schemaVersion),
                Int64(view.indexInAppend), Int64(view.eventsInAppend),
            ]
            id = view.id
            tags = (0..<view.tagCount).map { view.tag($0) }
            data = Array(view.bytes[view.dataOffset..<view.dataOffset + view.dataLength])
            metadata = Array(view.bytes[(view.dataOffset + view.dataLength)...])
        }
    }

    private static func event(_ bytes: [UInt8]) {
        guard let event = try? bytes.withUnsafeBytes({ try Event(EventRecord.View($0, at: place)) }) else { return }
        let record = EventRecord(
            recordedAt: event.numbers[0], id: event.id, stream: event.numbers[1], version: event.numbers[2],
            type: event.numbers[3], contentType: event.numbers[4], schemaVersion: UInt32(event.numbers[5]),
            indexInAppend: UInt16(event.numbers[6]), eventsInAppend: UInt16(event.numbers[7]))
        var buffer = RecordBuffer()
        record.encode(tags: event.tags, data: event.data, metadata: event.metadata, at: place, into: &buffer)
        guard let again = try? Event(EventRecord.View(buffer.bytes, at: place)), again == event else {
            fatalError("An event record reads otherwise when it is written again: \(event).")
        }
    }

    private static func commit(_ bytes: [UInt8]) {
        guard let record = try? bytes.withUnsafeBytes({ try CommitRecord($0, number: place) }) else { return }
        // Bytes that are no text were repaired, and may have become more than a record can hold.
        guard !record.command.unicodeScalars.contains("\u{FFFD}") else { return }
        var buffer = RecordBuffer()
        record.encode(number: place, into: &buffer)
        guard Array(buffer.bytes) == bytes else {
            fatalError("A commit record has other bytes when it is written again: \(record).")
        }
    }

    private static func block(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { bytes in
            guard var block = try? IndexBlock(bytes, id: place) else { return }
            while let entry = try? block.next() {
                guard let postings = try? entry.postings() else { continue }
                promise(postings.numbers.count == entry.count, "An entry has \(entry.count) numbers, and others.")
                for ordinal in [Int64.min, -1, 0, entry.first, postings.lastOrdinal, .max] {
                    let index = postings.index(atOrAbove: ordinal)
                    promise((0...postings.numbers.count).contains(index), "Ordinal \(ordinal) is at \(index).")
                    if index < postings.numbers.count {
                        promise(postings.ordinal(index) >= ordinal, "Ordinal \(ordinal) is above its place, \(index).")
                    }
                }
                let deltas = postings.deltas(0..<postings.numbers.count)
                promise(deltas.count <= entry.deltas.count, "Numbers take more bytes when they are written again.")
            }
        }
    }

    private static func map(_ bytes: [UInt8]) {
        guard let map = try? bytes.withUnsafeBytes({ try SegmentMap(decoding: $0, segment: place) }) else { return }
        guard map.encoded(segment: place) == bytes else {
            fatalError("A segment's map has other bytes when it is written again.")
        }
        for key in [Int64.min, 0, .max] {
            let key = IndexKey(kind: .tag, key: key)
            promise(map.fences.indices.contains(map.block(of: key, at: 0)), "\(key) is in a block that is not there.")
            _ = map.filter.mayContain(key)
        }
    }
}
