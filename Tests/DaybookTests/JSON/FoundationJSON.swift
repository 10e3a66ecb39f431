import Foundation

@testable import Daybook

/// Foundation's coders with the settings that the recorded bytes were first written with: what ours are measured by.
enum FoundationJSON {
    static func encode(
        _ value: some Encodable, formatting: JSONEncoder.OutputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    ) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = formatting
        encoder.dateEncodingStrategy = .custom(DateText.encode)
        return try [UInt8](encoder.encode(value))
    }

    static func decode<T: Decodable>(_ type: T.Type, from bytes: [UInt8]) throws -> T {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .custom(DateText.decode)
        return try decoder.decode(type, from: Data(bytes))
    }
}

/// What became of an attempt: the value, or the kind of the error and the place it names.
enum Outcome<Value: Equatable>: Equatable {
    case value(Value)
    case failure(String, path: [String])

    init(_ attempt: () throws -> Value) {
        do { self = .value(try attempt()) } catch {
            let (kind, context): (String, DecodingError.Context?) =
                switch error {
                case DecodingError.typeMismatch(let type, let context): ("typeMismatch \(type)", context)
                case DecodingError.valueNotFound(let type, let context): ("valueNotFound \(type)", context)
                case DecodingError.keyNotFound(let key, let context): ("keyNotFound \(key.stringValue)", context)
                case DecodingError.dataCorrupted(let context): ("dataCorrupted", context)
                default: ("\(error)", nil)
                }
            self = .failure(kind, path: context?.codingPath.map(\.stringValue) ?? [])
        }
    }

    /// Whether this is what Foundation made of it. Foundation gives no place where it calls data corrupted.
    func matches(_ foundation: Self) -> Bool {
        if case .failure("dataCorrupted", _) = self, case .failure("dataCorrupted", []) = foundation { return true }
        return self == foundation
    }
}

extension JSONBytesDecoder {
    func decodeCase<T: Decodable>(
        _ type: T.Type, named name: Substring, from bytes: ArraySlice<UInt8>
    ) throws -> T {
        var name = name
        return try name.withUTF8 { try decodeCase(type, named: $0, from: bytes) }
    }
}
