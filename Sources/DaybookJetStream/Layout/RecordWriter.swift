#if JetStream
import DaybookCore

/// Writes the binary form of what a message holds: numbers in LEB128, texts and bytes with their length before them.
struct RecordWriter {
    private(set) var bytes: [UInt8] = []

    init(reserving count: Int) { bytes.reserveCapacity(count) }

    mutating func add(_ byte: UInt8) { bytes.append(byte) }

    mutating func add(_ number: Int64) {
        var rest = UInt64(bitPattern: number)
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    mutating func add(fixed word: UInt64) {
        withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func add(_ id: EventID) {
        add(fixed: id.high)
        add(fixed: id.low)
    }

    mutating func add(_ text: String) {
        add(Int64(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    mutating func add(_ data: [UInt8]) {
        add(Int64(data.count))
        bytes.append(contentsOf: data)
    }

    /// Without a length: what stands last.
    mutating func addRest(_ data: [UInt8]) { bytes.append(contentsOf: data) }
}
#endif
