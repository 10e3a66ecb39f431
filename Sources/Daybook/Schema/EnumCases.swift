/// The values of an enum without payloads, by the layout of its type's metadata, which Swift's ABI fixes:
/// https://github.com/swiftlang/swift/blob/main/docs/ABI/TypeMetadata.rst
///
/// `CodingKeys` that the compiler writes are such enums, and the only place where the names of an enum's cases are
/// found without a value of each.
enum EnumCases {
    private static let enumKind: UInt = 0x201

    /// Every value in the order of declaration; nil for a type that is no enum, and for an enum with payloads.
    static func values<T>(of type: T.Type) -> [T]? {
        let metadata = unsafeBitCast(type as Any.Type, to: UnsafeRawPointer.self)
        guard metadata.load(as: UInt.self) == enumKind else { return nil }
        let descriptor = metadata.load(fromByteOffset: MemoryLayout<UInt>.size, as: UnsafeRawPointer.self)
        // Behind flags, parent, name, access function and fields, of four bytes each.
        let payloadCases = descriptor.load(fromByteOffset: 20, as: UInt32.self) & 0xFF_FFFF
        let emptyCases = Int(descriptor.load(fromByteOffset: 24, as: UInt32.self))
        guard payloadCases == 0, emptyCases > 0 else { return nil }
        let size = emptyCases == 1 ? 0 : emptyCases <= 256 ? 1 : 2
        guard MemoryLayout<T>.size == size else { return nil }
        return (0..<emptyCases).map { tag in
            withUnsafeTemporaryAllocation(byteCount: 2, alignment: 2) { bytes in
                bytes.storeBytes(of: UInt16(tag).littleEndian, as: UInt16.self)
                return bytes.assumingMemoryBound(to: T.self)[0]
            }
        }
    }
}
