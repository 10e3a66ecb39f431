/// The records that stand where a salvaged file has lost an event or a commit: with a format of their own, which no reader
/// takes for a whole record, and a CRC that is right.
///
/// A lost event's record has the length of an event's header, with the stream's name and the version in their places, both 0
/// when nothing tells; a lost commit's that of a commit's header, with a 1 at offset 5 and the hash of the command at offset 8
/// where it is known.
enum LostRecord {
    static let format: UInt8 = 0

    /// What a reader is told.
    static let reason = "it was lost before this file was salvaged"

    static func event(at position: Int64, stream: Int64?, version: Int64?) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: EventRecord.headerBytes)
        bytes.store(stream ?? 0, at: 32)
        bytes.store(version ?? 0, at: 40)
        bytes.storeCRC(of: position)
        return bytes
    }

    static func commit(_ number: Int64, hash: Int64?) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: CommitRecord.headerBytes)
        if let hash {
            bytes[5] = 1
            bytes.store(hash, at: 8)
        }
        bytes.storeCRC(of: number)
        return bytes
    }

    /// Whether the bytes of a row are such a record.
    static func isOne(_ bytes: UnsafeRawBufferPointer, _ number: Int64) -> Bool {
        guard bytes.count == EventRecord.headerBytes || bytes.count == CommitRecord.headerBytes, bytes[4] == format
        else { return false }
        return UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self))
            == CRC32C.of(number, UnsafeRawBufferPointer(rebasing: bytes[4...]))
    }

    /// The hash of the lost command; nil when it is not known.
    static func commandHash(_ bytes: UnsafeRawBufferPointer) -> Int64? {
        guard bytes.count == CommitRecord.headerBytes, bytes[5] == 1 else { return nil }
        return Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: Int64.self))
    }
}

extension [UInt8] {
    fileprivate mutating func store(_ value: Int64, at offset: Int) {
        for byte in 0..<8 { self[offset + byte] = UInt8(truncatingIfNeeded: value >> Int64(8 * byte)) }
    }

    fileprivate mutating func storeCRC(of number: Int64) {
        let crc = CRC32C.of(number, self[4...])
        for byte in 0..<4 { self[byte] = UInt8(truncatingIfNeeded: crc >> UInt32(8 * byte)) }
    }
}
