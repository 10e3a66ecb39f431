import DaybookCore
import Foundation

/// Reads `Decodable` values from JSON bytes in UTF-8: what ``JSONBytesEncoder`` writes, and whatever else Foundation's
/// `JSONDecoder` takes, so that data that could be read once can be read for ever. As there:
/// - Strings and numbers that nobody asks for are not looked into.
/// - A comma may stand behind the last member or element, and a byte order mark before the text.
/// - Whole numbers may be written with fraction and exponent (`1e2`); from 2^53 on their decimals are cut off.
/// - Of a key that an object has twice, the first counts. Keys are equal as texts, whatever their normal form.
/// - A number that the type cannot hold is an error, and one that rounds to 0 or infinity, too.
///
/// It is stricter in two things: text in UTF-16 or UTF-32 is refused, and so is data of more than 2 GiB. It is laxer in
/// one: 0 with an exponent is 0 as a floating point number, too; Foundation refuses `0e5`, though not `0e05`.
///
/// Input of any kind either decodes or is a `DecodingError`; containers may be nested 512 deep. Errors name the whole
/// path; where Foundation says that data is not valid JSON, they say what is wrong with it, and where.
///
/// - Complexity: O(bytes). Looking up a key is O(members) in an object of up to ``JSONTape/indexThreshold``, else O(1).
///   Asking for a `codingPath` is O(values before), as paths are not kept but found when an error needs one.
struct JSONBytesDecoder: Sendable {
    func decode<T: Decodable>(_ type: T.Type, from bytes: [UInt8]) throws -> T { try decode(type, from: bytes[...]) }

    func decode<T: Decodable>(_ type: T.Type, from bytes: ArraySlice<UInt8>) throws -> T {
        try bytes.withUnsafeBufferPointer { bytes in
            try decode({ () throws(JSONSyntaxError) in try JSONTape(bytes) }) { try $0.decode(type) }
        }
    }

    /// Decodes an enum's case from its name and its values, as if from `{"name":…}`.
    ///
    /// - Parameter name: In UTF-8; must need no escapes in JSON.
    func decodeCase<T: Decodable>(
        _ type: T.Type, named name: UnsafeBufferPointer<UInt8>, from bytes: ArraySlice<UInt8>
    ) throws -> T {
        try bytes.withUnsafeBufferPointer { bytes in
            try decode({ () throws(JSONSyntaxError) in try JSONTape(bytes, named: name) }) { try T(from: $0) }
        }
    }

    @inline(__always)
    private func decode<T>(
        _ read: () throws(JSONSyntaxError) -> JSONTape, _ body: (JSONValueDecoder) throws -> T
    ) throws -> T {
        var tape: JSONTape
        do { tape = try read() } catch {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(codingPath: [], debugDescription: "The data is not valid JSON. \(error)."))
        }
        defer {
            // A type may keep its decoder, or a container; the bytes are the caller's.
            if !isKnownUniquelyReferenced(&tape) { tape.keepBytes() }
        }
        return try body(JSONValueDecoder(tape: tape, token: 0))
    }
}
