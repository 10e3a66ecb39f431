#if Postgres
import CPostgres
import DaybookCore

/// The rows that a statement returned, in PostgreSQL's binary formats.
final class Rows {
    private let result: OpaquePointer

    /// Takes the result over.
    init(_ result: OpaquePointer) { self.result = result }

    deinit { PQclear(result) }

    var count: Int { Int(PQntuples(result)) }

    func length(_ row: Int, _ column: Int) -> Int { Int(PQgetlength(result, Int32(row), Int32(column))) }

    func isNull(_ row: Int, _ column: Int) -> Bool { PQgetisnull(result, Int32(row), Int32(column)) != 0 }

    /// Valid as long as the rows are.
    func bytes(_ row: Int, _ column: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            start: PQgetvalue(result, Int32(row), Int32(column)),
            count: Int(PQgetlength(result, Int32(row), Int32(column))))
    }

    /// A `smallint`, `integer` or `bigint`.
    func integer(_ row: Int, _ column: Int) -> Int64 {
        let bytes = bytes(row, column)
        return switch bytes.count {
        case 8: Int64(bigEndian: bytes.loadUnaligned(as: Int64.self))
        case 4: Int64(Int32(bigEndian: bytes.loadUnaligned(as: Int32.self)))
        case 2: Int64(Int16(bigEndian: bytes.loadUnaligned(as: Int16.self)))
        default: 0
        }
    }

    func optionalInteger(_ row: Int, _ column: Int) -> Int64? {
        isNull(row, column) ? nil : integer(row, column)
    }

    func boolean(_ row: Int, _ column: Int) -> Bool { bytes(row, column).first == 1 }

    func text(_ row: Int, _ column: Int) -> String { String(decoding: bytes(row, column), as: UTF8.self) }

    func id(_ row: Int, _ column: Int) -> EventID { Self.id(bytes(row, column)) }

    private static func id(_ bytes: UnsafeRawBufferPointer) -> EventID {
        guard bytes.count == 16 else { return EventID(high: 0, low: 0) }
        return EventID(
            high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
            low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }

    /// The elements of an array of one dimension; nil for those that are NULL.
    func array(_ row: Int, _ column: Int) -> [UnsafeRawBufferPointer?] {
        let bytes = bytes(row, column)
        var offset = 0
        func word() -> Int {
            guard offset + 4 <= bytes.count else { return 0 }
            defer { offset += 4 }
            return Int(Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self)))
        }
        guard word() == 1 else { return [] }
        offset = 12
        let count = word()
        offset = 20
        var elements: [UnsafeRawBufferPointer?] = []
        elements.reserveCapacity(count)
        for _ in 0..<count {
            let length = word()
            guard length >= 0, offset + length <= bytes.count else {
                elements.append(nil)
                continue
            }
            elements.append(UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + length]))
            offset += length
        }
        return elements
    }

    func texts(_ row: Int, _ column: Int) -> [String] {
        array(row, column).map { $0.map { String(decoding: $0, as: UTF8.self) } ?? "" }
    }

    func integers(_ row: Int, _ column: Int) -> [Int64?] {
        array(row, column).map { $0.map { Int64(bigEndian: $0.loadUnaligned(as: Int64.self)) } }
    }

    func ids(_ row: Int, _ column: Int) -> [EventID] {
        array(row, column).compactMap { bytes in bytes.map { Self.id($0) } }
    }
}
#endif
