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

    /// The number with an ordinal, if it is among these.
    func number(at ordinal: Int64) -> Int64? {
        let index = index(atOrAbove: ordinal)
        return index < numbers.count && self.ordinal(index) == ordinal ? numbers[index] : nil
    }

    /// Whether others, under the same key, can be added at the end.
    func follows(_ others: Postings) -> Bool { !countsVersions || others.first == lastOrdinal + 1 }

    /// Those from an index on.
    func suffix(from index: Int) -> Postings {
        var rest = self
        rest.first = ordinal(index)
        rest.numbers = Array(numbers[index...])
        return rest
    }

    /// Each number as its distance from the one before, the first from 0; seven bits to a byte, least first.
    func deltas(_ range: Range<Int>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(range.count * 2 + 8)
        var previous: Int64 = 0
        for number in numbers[range] {
            bytes.appendVarint(UInt64(bitPattern: number - previous))
            previous = number
        }
        return bytes
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
