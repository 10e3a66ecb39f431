/// A row found in a page, whatever its table: the values of its columns, in SQLite's record format.
///
/// See https://sqlite.org/fileformat2.html#record_format
struct DamagedRow {
    enum Column {
        case null
        case integer(Int64)
        case text(Range<Int>)
        case blob(Range<Int>)
        /// A floating-point number: no table of ours has one.
        case other
    }

    /// The row number; 0 in a table without.
    let rowID: Int64
    let payload: [UInt8]
    let columns: [Column]

    /// Nil when the payload is no record.
    init?(rowID: Int64, payload: [UInt8]) {
        var offset = 0
        guard let headerBytes = payload.sqliteVarint(&offset), headerBytes <= UInt64(payload.count), headerBytes > 0
        else { return nil }
        var columns: [Column] = []
        var place = Int(headerBytes)
        while offset < Int(headerBytes) {
            guard let type = payload.sqliteVarint(&offset), offset <= Int(headerBytes) else { return nil }
            let length: Int
            switch type {
            case 0, 8, 9: length = 0
            case 1...4: length = Int(type)
            case 5: length = 6
            case 6, 7: length = 8
            case 12...: length = Int(clamping: (type - 12) / 2)
            default: return nil
            }
            guard length <= payload.count - place else { return nil }
            let range = place..<place + length
            switch type {
            case 0: columns.append(.null)
            case 8: columns.append(.integer(0))
            case 9: columns.append(.integer(1))
            case 1...6:
                var value = Int64(Int8(bitPattern: payload[place]))
                for index in range.dropFirst() { value = value << 8 | Int64(payload[index]) }
                columns.append(.integer(value))
            case 7: columns.append(.other)
            default: columns.append(type % 2 == 0 ? .blob(range) : .text(range))
            }
            place += length
        }
        guard place == payload.count else { return nil }
        self.rowID = rowID
        self.payload = payload
        self.columns = columns
    }

    func integer(_ column: Int) -> Int64? {
        if case .integer(let value) = columns[column] { value } else { nil }
    }
}

extension [UInt8] {
    /// Reads one of SQLite's numbers of one to nine bytes, most significant first, and moves the offset behind it.
    func sqliteVarint(_ offset: inout Int) -> UInt64? {
        var value: UInt64 = 0
        for length in 1...9 {
            guard offset < count else { return nil }
            let byte = self[offset]
            offset += 1
            if length == 9 { return value << 8 | UInt64(byte) }
            value = value << 7 | UInt64(byte & 0x7F)
            if byte < 0x80 { return value }
        }
        return nil
    }
}
