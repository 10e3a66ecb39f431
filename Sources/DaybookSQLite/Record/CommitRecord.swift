import DaybookCore

/// The bytes that remember a command for good; `docs/file-format.md` draws them.
///
/// | offset | bytes | |
/// | --- | --- | --- |
/// | 0 | 4 | CRC-32C of the row's number (8 bytes) and everything after this field |
/// | 4 | 1 | format, 1 |
/// | 5 | 1 | 1 when the events had been recorded before, without this command; else 0; then two zero bytes |
/// | 8 | 8 | digest of the request |
/// | 16 | 8 | position |
/// | 24 | 8 | recorded time |
/// | 32 | 4 | number of events |
/// | 36 | 4 | number of streams |
/// | 40 | 2 | length of the command identifier, then its UTF-8; then for each stream: its name's number (8), its last version (8, -1 for none) |
struct CommitRecord {
    static let headerBytes = 42
    static let format: UInt8 = 1

    var digest: UInt64
    var position: Int64
    var recordedAt: Int64
    var eventCount: UInt32
    var command: String
    var streams: [(name: Int64, version: Int64)]
    /// Whether the events had been recorded by earlier appends, so that the command only points back at them.
    var pointsBack: Bool

    func encode(number: Int64, into buffer: inout RecordBuffer) {
        let text = Array(command.utf8)
        buffer.prepare(Self.headerBytes + text.count + streams.count * 16)
        buffer.store(UInt32(0), at: 0)
        buffer.store(UInt32(Self.format) | (pointsBack ? 1 << 8 : 0), at: 4)
        buffer.store(digest, at: 8)
        buffer.store(position, at: 16)
        buffer.store(recordedAt, at: 24)
        buffer.store(eventCount, at: 32)
        buffer.store(UInt32(streams.count), at: 36)
        buffer.store(UInt16(text.count), at: 40)
        buffer.store(text, at: Self.headerBytes)
        var offset = Self.headerBytes + text.count
        for stream in streams {
            buffer.store(stream.name, at: offset)
            buffer.store(stream.version, at: offset + 8)
            offset += 16
        }
        buffer.store(CRC32C.of(number, UnsafeRawBufferPointer(rebasing: buffer.bytes[4...])), at: 0)
    }

    init(
        digest: UInt64, position: Int64, recordedAt: Int64, eventCount: UInt32, command: String,
        streams: [(name: Int64, version: Int64)], pointsBack: Bool = false
    ) {
        self.digest = digest
        self.position = position
        self.recordedAt = recordedAt
        self.eventCount = eventCount
        self.command = command
        self.streams = streams
        self.pointsBack = pointsBack
    }

    init(_ bytes: UnsafeRawBufferPointer, number: Int64) throws(RecordDamage) {
        func load<Value: FixedWidthInteger>(_ offset: Int, _: Value.Type) -> Value {
            Value(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Value.self))
        }
        guard bytes.count >= Self.headerBytes else { throw RecordDamage("it is shorter than its header") }
        let actual = CRC32C.of(number, UnsafeRawBufferPointer(rebasing: bytes[4...]))
        guard load(0, UInt32.self) == actual else { throw RecordDamage("its CRC-32C is wrong") }
        guard bytes[4] != LostRecord.format else { throw RecordDamage(LostRecord.reason) }
        guard bytes[4] == Self.format else { throw RecordDamage("its format is \(bytes[4])") }
        guard bytes[5] <= 1, bytes[6] == 0, bytes[7] == 0 else { throw RecordDamage("it has flags that are unknown") }
        pointsBack = bytes[5] == 1
        let length = Int(load(40, UInt16.self))
        let count = Int(load(36, UInt32.self))
        guard bytes.count == Self.headerBytes + length + count * 16 else { throw RecordDamage("its lengths disagree") }
        digest = load(8, UInt64.self)
        position = load(16, Int64.self)
        recordedAt = load(24, Int64.self)
        eventCount = load(32, UInt32.self)
        command = String(decoding: bytes[Self.headerBytes..<Self.headerBytes + length], as: UTF8.self)
        streams = []
        for index in 0..<count {
            let offset = Self.headerBytes + length + index * 16
            streams.append((load(offset, Int64.self), load(offset + 8, Int64.self)))
        }
    }
}
