import DaybookCore

/// Reads protobuf, field by field. Nothing that comes makes it read beyond its bytes, or keep more than them.
///
/// See https://protobuf.dev/programming-guides/encoding/
package struct WireReader {
    /// A field as it stands in the message.
    package struct Field {
        package let number: Int
        /// The value of a number's field.
        fileprivate let value: UInt64
        /// Where the content of a field with a length is; nil for a number.
        fileprivate let range: Range<Int>?
    }

    private let bytes: [UInt8]
    private var index: Int
    private let end: Int

    package init(_ bytes: [UInt8]) { self.init(bytes, 0..<bytes.count) }

    private init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        index = range.lowerBound
        end = range.upperBound
    }

    private mutating func varint() throws(WireError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while index < end {
            let byte = bytes[index]
            index += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
            guard shift < 64 else { throw WireError("A number has more than ten bytes.") }
        }
        throw .truncated
    }

    private mutating func fixed(_ count: Int) throws(WireError) -> UInt64 {
        guard end - index >= count else { throw .truncated }
        var value: UInt64 = 0
        for offset in 0..<count { value |= UInt64(bytes[index + offset]) << UInt64(8 * offset) }
        index += count
        return value
    }

    /// The next field; nil at the end.
    package mutating func next() throws(WireError) -> Field? {
        guard index < end else { return nil }
        let tag = try varint()
        guard let number = Int(exactly: tag >> 3), number > 0 else { throw WireError("A field has the number 0.") }
        switch tag & 7 {
        case 0: return Field(number: number, value: try varint(), range: nil)
        case 1: return Field(number: number, value: try fixed(8), range: nil)
        case 5: return Field(number: number, value: try fixed(4), range: nil)
        case 2:
            guard let length = Int(exactly: try varint()), length <= end - index else { throw .truncated }
            defer { index += length }
            return Field(number: number, value: 0, range: index..<index + length)
        default: throw WireError("Field \(number) has a form that is not known.")
        }
    }

    package func number(_ field: Field) throws(WireError) -> Int64 { Int64(bitPattern: try word(field)) }

    package func flag(_ field: Field) throws(WireError) -> Bool { try word(field) != 0 }

    package func word(_ field: Field) throws(WireError) -> UInt64 {
        guard field.range == nil else { throw WireError("Field \(field.number) is no number.") }
        return field.value
    }

    /// The numbers of a field that has many, or one of them.
    package func numbers(_ field: Field) throws(WireError) -> [Int64] {
        guard field.range != nil else { return [try number(field)] }
        var content = try reader(field)
        var numbers: [Int64] = []
        while content.index < content.end { numbers.append(Int64(bitPattern: try content.varint())) }
        return numbers
    }

    private func range(_ field: Field) throws(WireError) -> Range<Int> {
        guard let range = field.range else { throw WireError("Field \(field.number) is a number.") }
        return range
    }

    /// The bytes of a field, which share the message's memory.
    package func data(_ field: Field) throws(WireError) -> ArraySlice<UInt8> { bytes[try range(field)] }

    package func text(_ field: Field) throws(WireError) -> String {
        guard let text = String(validating: bytes[try range(field)], as: UTF8.self) else {
            throw WireError("Field \(field.number) is no text in UTF-8.")
        }
        return text
    }

    /// A text of which the same is likely to have come before.
    package func text(_ field: Field, in texts: inout WireTexts) throws(WireError) -> String {
        let range = try self.range(field)
        if let text = texts.known(bytes, range) { return text }
        let text = try self.text(field)
        texts.remember(text, range)
        return text
    }

    package func message<M: WireMessage>(_ field: Field, _ type: M.Type) throws(WireError) -> M {
        var reader = try reader(field)
        return try M(wire: &reader)
    }

    /// Reads within a field.
    package func reader(_ field: Field) throws(WireError) -> WireReader { WireReader(bytes, try range(field)) }

    /// A name within its bounds.
    package func name<N: BoundedName>(_ field: Field, _ type: N.Type) throws(WireError) -> N {
        do { return try N(try text(field)) } catch let error as InvalidName {
            throw WireError(error.description)
        } catch let error as WireError {
            throw error
        } catch {
            throw WireError("\(error)")
        }
    }
}
