/// What leads into a segment: where each of its blocks begins, and which keys it surely has not. Kept in memory.
///
/// It is saved with its segment, under a CRC-32C, as each block is: so whatever a lookup passes on its way has been checked,
/// and what it does not find is not there.
struct SegmentMap: Sendable {
    /// The first entry of a block.
    struct Fence: Sendable {
        var kind: UInt8
        var key: Int64
        var first: Int64
    }

    fileprivate(set) var fences: [Fence]
    var filter: SegmentFilter
    /// Keys in the segment, each once.
    var keys: Int

    init(fences: [Fence], filter: SegmentFilter, keys: Int) {
        self.fences = fences
        self.filter = filter
        self.keys = keys
    }

    /// The last block that begins at or before an ordinal under a key; the first when there is none.
    func block(of key: IndexKey, at ordinal: Int64) -> Int {
        var low = 0
        var high = fences.count
        let wanted = (key.kind.rawValue, key.key, ordinal)
        while low < high {
            let middle = (low + high) / 2
            let fence = fences[middle]
            if (fence.kind, fence.key, fence.first) <= wanted { low = middle + 1 } else { high = middle }
        }
        return max(0, low - 1)
    }

    /// Whether a block's first entry is under a key.
    func begins(_ block: Int, with key: IndexKey) -> Bool {
        fences[block].kind == key.kind.rawValue && fences[block].key == key.key
    }

    /// A CRC-32C over the segment's identifier and all that follows; the number of keys and of fences, and the words of
    /// the filter; each fence as its kind (one byte), key and first ordinal; the filter. Numbers have eight bytes.
    func encoded(segment: Int64) -> [UInt8] {
        var bytes: [UInt8] = [0, 0, 0, 0]
        bytes.reserveCapacity(32 + fences.count * 17 + filter.words.count * 8)
        bytes.appendInteger(Int64(keys))
        bytes.appendInteger(Int64(fences.count))
        bytes.appendInteger(Int64(filter.words.count))
        for fence in fences {
            bytes.append(fence.kind)
            bytes.appendInteger(fence.key)
            bytes.appendInteger(fence.first)
        }
        for word in filter.words { bytes.appendInteger(Int64(bitPattern: word)) }
        let crc = bytes.withUnsafeBytes { CRC32C.of(segment, UnsafeRawBufferPointer(rebasing: $0[4...])) }
        for byte in 0..<4 { bytes[byte] = UInt8(truncatingIfNeeded: crc >> UInt32(byte * 8)) }
        return bytes
    }

    init(decoding bytes: UnsafeRawBufferPointer, segment: Int64) throws(RecordDamage) {
        func integer(_ offset: Int) -> Int64 {
            Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Int64.self))
        }
        guard bytes.count >= 28,
            UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self))
                == CRC32C.of(segment, UnsafeRawBufferPointer(rebasing: bytes[4...]))
        else { throw RecordDamage("the CRC-32C of the map of index segment \(segment) is wrong") }
        let fenceCount = Int(integer(12))
        let wordCount = Int(integer(20))
        guard (1...IndexBlock.mostPerSegment).contains(fenceCount), (1...Int(Int32.max)).contains(wordCount),
            bytes.count == 28 + fenceCount * 17 + wordCount * 8
        else { throw RecordDamage("the map of index segment \(segment) is malformed although its CRC-32C is right") }
        keys = Int(integer(4))
        fences = (0..<fenceCount).map { index in
            let at = 28 + index * 17
            return Fence(kind: bytes[at], key: integer(at + 1), first: integer(at + 9))
        }
        filter = SegmentFilter(
            words: (0..<wordCount).map { UInt64(bitPattern: integer(28 + fenceCount * 17 + $0 * 8)) })
    }
}

extension [UInt8] {
    fileprivate mutating func appendInteger(_ value: Int64) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }
}
