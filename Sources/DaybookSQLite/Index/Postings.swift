/// Growing numbers under one key: positions of events, or numbers of names or commits.
///
/// Each number has an ordinal. Under a stream it is the event's version, so that numbers are found by version; under
/// any other key it is the number itself.
struct Postings {
    /// The ordinal of the first number under a stream; else the first number.
    var first: Int64
    var numbers: [Int64]
    let countsVersions: Bool

    init(kind: IndexKey.Kind, first: Int64, numbers: [Int64]) {
        self.first = first
        self.numbers = numbers
        countsVersions = kind == .stream
    }

    func ordinal(_ index: Int) -> Int64 { countsVersions ? first + Int64(index) : numbers[index] }

    var lastOrdinal: Int64 { ordinal(numbers.count - 1) }

    /// The index of the first number whose ordinal is not below this one.
    func index(atOrAbove ordinal: Int64) -> Int {
        guard countsVersions else { return numbers.firstIndex(atOrAbove: ordinal) }
        if ordinal <= first { return 0 }  // Subtracting first could overflow.
        return ordinal - first >= Int64(numbers.count) ? numbers.count : Int(ordinal - first)
    }

    /// The most numbers in one row of the index.
    static let numbersPerRow = 1024

    /// A row's bytes: a CRC-32C of everything that says what the row is, then each number as its distance from the one
    /// before, seven bits to a byte, least first.
    func encoded(range: Range<Int>, segment: Int64, key: IndexKey) -> (first: Int64, data: [UInt8]) {
        var data: [UInt8] = [0, 0, 0, 0]
        data.reserveCapacity(4 + range.count * 2 + 8)
        var previous: Int64 = 0
        for number in numbers[range] {
            data.appendVarint(UInt64(bitPattern: number - previous))
            previous = number
        }
        let first = ordinal(range.lowerBound)
        let crc = Self.crc(data.dropFirst(4), segment: segment, key: key, first: first)
        for byte in 0..<4 { data[byte] = UInt8(truncatingIfNeeded: crc >> UInt32(byte * 8)) }
        return (first, data)
    }

    /// Reads a row.
    init(decoding data: UnsafeRawBufferPointer, segment: Int64, key: IndexKey, first: Int64) throws(RecordDamage) {
        self.init(kind: key.kind, first: first, numbers: [])
        guard data.count > 4 else { throw RecordDamage("an index row is too short") }
        let stored = UInt32(littleEndian: data.loadUnaligned(as: UInt32.self))
        let rest = UnsafeRawBufferPointer(rebasing: data[4...])
        guard stored == Self.crc(rest, segment: segment, key: key, first: first) else {
            throw RecordDamage("the CRC-32C of an index row is wrong")
        }
        var previous: Int64 = 0
        var offset = 0
        while offset < rest.count {
            guard let distance = rest.varint(&offset) else { throw RecordDamage("an index row ends within a number") }
            let (number, overflows) = previous.addingReportingOverflow(Int64(bitPattern: distance))
            guard !overflows, number >= previous else { throw RecordDamage("the numbers of an index row do not grow") }
            numbers.append(number)
            previous = number
        }
        if countsVersions, first < 0 || first.addingReportingOverflow(Int64(numbers.count)).overflow {
            throw RecordDamage("the versions of an index row begin at \(first)")
        }
    }

    /// Covers everything that says what the row is, and its bytes behind the CRC.
    static func crc(
        _ data: some Sequence<UInt8>, segment: Int64, key: IndexKey, first: Int64
    ) -> UInt32 {
        var bytes: [UInt8] = []
        for value in [Int64(key.kind.rawValue), key.key, first] {
            withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
        }
        bytes.append(contentsOf: data)
        return CRC32C.of(segment, bytes)
    }
}

extension [Int64] {
    /// The index of the first number at or above a value, in a sorted array.
    func firstIndex(atOrAbove value: Int64) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < value { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension [UInt8] {
    mutating func appendVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(rest))
    }
}

extension UnsafeRawBufferPointer {
    /// Reads a number of seven bits a byte, and moves the offset behind it; nil when the bytes end before.
    func varint(_ offset: inout Int) -> UInt64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while offset < count, shift < 64 {
            let byte = self[offset]
            offset += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        return nil
    }
}
