/// Memory in which records are put together, used again for each.
struct RecordBuffer: ~Copyable {
    private var memory: UnsafeMutableRawBufferPointer
    private var count = 0

    init() { memory = .allocate(byteCount: 4096, alignment: 16) }

    deinit { memory.deallocate() }

    /// Makes room for a record of so many bytes.
    mutating func prepare(_ bytes: Int) {
        if bytes > memory.count {
            memory.deallocate()
            memory = .allocate(byteCount: bytes + bytes / 2, alignment: 16)
        }
        count = bytes
    }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[..<count]) }

    mutating func store(_ value: some FixedWidthInteger, at offset: Int) {
        memory.storeBytes(of: value.littleEndian, toByteOffset: offset, as: type(of: value))
    }

    mutating func store(_ value: [UInt8], at offset: Int) {
        guard !value.isEmpty else { return }
        value.withUnsafeBytes {
            UnsafeMutableRawBufferPointer(rebasing: memory[offset..<offset + value.count]).copyMemory(from: $0)
        }
    }
}
