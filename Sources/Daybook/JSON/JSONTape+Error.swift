import Foundation

extension JSONTape {
    /// Why a scalar could not be read as a type.
    @inline(never)
    func failure(reading type: Any.Type, at token: UInt32, wanted kind: Token.Kind) -> DecodingError {
        let path = path(of: token)
        let found = self[token].kind
        if found == .null, kind != .yes { return missingValue(type, path) }
        guard found == kind else { return mismatch(type, token, path) }
        let problem: String
        switch kind {
        case .number:
            let number = String(decoding: bytes(of: self[token]).prefix(60), as: UTF8.self)
            problem = isNumber(token) ? "Number \(number) is not representable as \(type)." : "\(number) is no number."
        default: problem = "A string has an escape that is none, a control character, or bytes that are not UTF-8."
        }
        return DecodingError.dataCorrupted(DecodingError.Context(codingPath: path, debugDescription: problem))
    }

    func missingValue(_ type: Any.Type, _ path: [any CodingKey]) -> DecodingError {
        DecodingError.valueNotFound(
            type,
            DecodingError.Context(
                codingPath: path, debugDescription: "Cannot get value of type \(type) -- found null value instead"))
    }

    func mismatch(_ type: Any.Type, _ token: UInt32, _ path: [any CodingKey]) -> DecodingError {
        let found =
            switch self[token].kind {
            case .null: "null"
            case .yes, .no: "bool"
            case .number: "number"
            case .string: "a string"
            case .array: "an array"
            case .object: "a dictionary"
            }
        return DecodingError.typeMismatch(
            type,
            DecodingError.Context(
                codingPath: path, debugDescription: "Expected to decode \(type) but found \(found) instead."))
    }
}
