import CDaybookSQLite

/// CRC-32C over a number and some bytes: the number says where the bytes belong, so that a record that was moved is as
/// wrong as one that was changed.
enum CRC32C {
    static func of(_ place: Int64, _ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var place = place.littleEndian
        let crc = daybook_crc32c(0, &place, 8)
        return daybook_crc32c(crc, bytes.baseAddress, bytes.count)
    }

    /// Of bytes that a byte stands before.
    static func of(_ place: Int64, _ first: UInt8, _ bytes: UnsafeRawBufferPointer) -> UInt32 {
        let crc = withUnsafeBytes(of: first) { of(place, $0) }
        return daybook_crc32c(crc, bytes.baseAddress, bytes.count)
    }

    static func of(_ place: Int64, _ bytes: some Sequence<UInt8>) -> UInt32 {
        Array(bytes).withUnsafeBytes { of(place, $0) }
    }
}
