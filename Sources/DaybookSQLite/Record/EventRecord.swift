import DaybookCore

/// The bytes of one event in the log; `docs/file-format.md` draws them.
///
/// | offset | bytes | |
/// | --- | --- | --- |
/// | 0 | 4 | CRC-32C of the position (8 bytes) and everything after this field |
/// | 4 | 1 | format, 1 |
/// | 5 | 1 | number of tags |
/// | 8 | 8 | recorded time, microseconds since 1970 |
/// | 16 | 16 | event identifier, in the byte order of a UUID |
/// | 32 | 8 | stream, by its name's number |
/// | 40 | 8 | stream version |
/// | 48 | 8 | type, by its name's number |
/// | 56 | 8 | content type, by its name's number |
/// | 64 | 4 | schema version |
/// | 68 | 4 | length of the data |
/// | 72 | 2 | index of the event in its append |
/// | 74 | 2 | number of events in the append |
/// | 76 | 8 each | tags, by their names' numbers; then the data, then the metadata |
///
/// Integers are little-endian, unless said otherwise.
struct EventRecord {
    static let headerBytes = 76
    static let format: UInt8 = 1

    var recordedAt: Int64
    var id: EventID
    var stream: Int64
    var version: Int64
    var type: Int64
    var contentType: Int64
    var schemaVersion: UInt32
    var indexInAppend: UInt16
    var eventsInAppend: UInt16

    /// Writes the record of an event into a buffer that is used again and again.
    func encode(
        tags: [Int64], data: [UInt8], metadata: [UInt8], at position: Int64, into buffer: inout RecordBuffer
    ) {
        buffer.prepare(Self.headerBytes + tags.count * 8 + data.count + metadata.count)
        buffer.store(UInt32(0), at: 0)
        buffer.store(Self.format, at: 4)
        buffer.store(UInt8(tags.count), at: 5)
        buffer.store(UInt16(0), at: 6)
        buffer.store(recordedAt, at: 8)
        buffer.store(id.high.byteSwapped, at: 16)
        buffer.store(id.low.byteSwapped, at: 24)
        buffer.store(stream, at: 32)
        buffer.store(version, at: 40)
        buffer.store(type, at: 48)
        buffer.store(contentType, at: 56)
        buffer.store(schemaVersion, at: 64)
        buffer.store(UInt32(data.count), at: 68)
        buffer.store(indexInAppend, at: 72)
        buffer.store(eventsInAppend, at: 74)
        var offset = Self.headerBytes
        for tag in tags {
            buffer.store(tag, at: offset)
            offset += 8
        }
        buffer.store(data, at: offset)
        buffer.store(metadata, at: offset + data.count)
        buffer.store(CRC32C.of(position, UnsafeRawBufferPointer(rebasing: buffer.bytes[4...])), at: 0)
    }

    /// A record's fields, after its CRC was found right.
    struct View {
        let bytes: UnsafeRawBufferPointer
        var tagCount: Int { Int(bytes[5]) }
        var recordedAt: Int64 { load(8) }
        var id: EventID {
            EventID(
                high: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self).bigEndian,
                low: bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self).bigEndian)
        }
        var stream: Int64 { load(32) }
        var version: Int64 { load(40) }
        var type: Int64 { load(48) }
        var contentType: Int64 { load(56) }
        var schemaVersion: UInt32 { UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 64, as: UInt32.self)) }
        var dataLength: Int {
            Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 68, as: UInt32.self)))
        }
        var indexInAppend: UInt16 { UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 72, as: UInt16.self)) }
        var eventsInAppend: UInt16 { UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 74, as: UInt16.self)) }
        func tag(_ index: Int) -> Int64 { load(EventRecord.headerBytes + index * 8) }
        var dataOffset: Int { EventRecord.headerBytes + tagCount * 8 }

        private func load(_ offset: Int) -> Int64 {
            Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Int64.self))
        }

        /// Checks CRC, format and lengths.
        ///
        /// - Throws: ``RecordDamage``, in words.
        init(_ bytes: UnsafeRawBufferPointer, at position: Int64) throws(RecordDamage) {
            guard bytes.count >= EventRecord.headerBytes else {
                throw RecordDamage("it has \(bytes.count) bytes, fewer than its header")
            }
            let stored = UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self))
            let actual = CRC32C.of(position, UnsafeRawBufferPointer(rebasing: bytes[4...]))
            guard stored == actual else { throw RecordDamage("its CRC-32C is \(actual), not \(stored)") }
            guard bytes[4] != LostRecord.format else { throw RecordDamage(LostRecord.reason) }
            guard bytes[4] == EventRecord.format else {
                throw RecordDamage("its format is \(bytes[4]); this version reads \(EventRecord.format)")
            }
            self.bytes = bytes
            guard dataOffset + dataLength <= bytes.count else {
                throw RecordDamage("its data of \(dataLength) bytes go beyond its end")
            }
        }
    }
}

/// What is wrong with stored bytes, in words.
struct RecordDamage: Error {
    let reason: String

    init(_ reason: String) { self.reason = reason }
}
