/// Reads the entries of one block of a segment: numbers under keys, sorted by key and by the first ordinal.
///
/// A block is a CRC-32C over its row's identifier, each bit inverted so that no block passes for a record, and all that
/// follows it, and then for each entry its kind (one byte),
/// its key (eight bytes), and in seven bits a byte its first ordinal, its count of numbers and their length in bytes; then
/// each number as its distance from the one before.
struct IndexBlock {
    private let bytes: UnsafeRawBufferPointer
    private var offset = 4

    /// An entry whose numbers are not decoded yet.
    struct Entry {
        var key: IndexKey
        var first: Int64
        var count: Int
        var deltas: UnsafeRawBufferPointer
    }

    /// Blocks hold at least so many bytes, but for the last of a segment.
    static let targetBytes = 2000
    /// The most numbers in one entry.
    static let numbersPerEntry = 512

    static func id(segment: Int64, number: Int) -> Int64 { segment << 24 | Int64(number) }
    static func segment(ofID id: Int64) -> Int64 { id >> 24 }
    static let mostPerSegment = 1 << 24

    /// - Parameter bytes: Those behind the CRC.
    static func crc(_ bytes: UnsafeRawBufferPointer, id: Int64) -> UInt32 { CRC32C.of(~id, bytes) }

    init(_ bytes: UnsafeRawBufferPointer, id: Int64) throws(RecordDamage) {
        guard bytes.count > 4 else { throw RecordDamage("block \(id) of the index is too short") }
        let stored = UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self))
        guard stored == Self.crc(UnsafeRawBufferPointer(rebasing: bytes[4...]), id: id) else {
            throw RecordDamage("the CRC-32C of block \(id) of the index is wrong")
        }
        self.bytes = bytes
    }

    /// The next entry; nil at the end.
    mutating func next() throws(RecordDamage) -> Entry? {
        guard offset < bytes.count else { return nil }
        guard bytes.count - offset > 9, let kind = IndexKey.Kind(rawValue: bytes[offset]) else { throw Self.malformed }
        let key = Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 1, as: Int64.self))
        offset += 9
        guard let first = bytes.varint(&offset), let count = bytes.varint(&offset), let length = bytes.varint(&offset),
            count > 0, count <= Self.numbersPerEntry, length <= bytes.count - offset
        else { throw Self.malformed }
        let deltas = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + Int(length)])
        offset += Int(length)
        return Entry(
            key: IndexKey(kind: kind, key: key), first: Int64(bitPattern: first), count: Int(count), deltas: deltas)
    }

    fileprivate static let malformed = RecordDamage("a block of the index is malformed although its CRC-32C is right")
}

extension IndexBlock.Entry {
    func postings() throws(RecordDamage) -> Postings {
        var numbers: [Int64] = []
        numbers.reserveCapacity(count)
        var previous: Int64 = 0
        var offset = 0
        for _ in 0..<count {
            guard let distance = deltas.varint(&offset) else { throw IndexBlock.malformed }
            let (number, overflows) = previous.addingReportingOverflow(Int64(bitPattern: distance))
            guard !overflows, number >= previous else { throw IndexBlock.malformed }
            numbers.append(number)
            previous = number
        }
        guard offset == deltas.count,
            key.kind == .stream
                ? first >= 0 && !first.addingReportingOverflow(Int64(count)).overflow : first == numbers[0]
        else { throw IndexBlock.malformed }
        return Postings(kind: key.kind, first: first, numbers: numbers)
    }
}
