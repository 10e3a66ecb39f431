/// What a coder's error says, in one sentence with the place.
enum CodingReason {
    static func text(of error: any Error) -> String {
        switch error {
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
            DecodingError.keyNotFound(_, let context), DecodingError.dataCorrupted(let context):
            sentence(context.debugDescription, at: context.codingPath)
        case EncodingError.invalidValue(_, let context):
            sentence(context.debugDescription, at: context.codingPath)
        default: String(describing: error)
        }
    }

    private static func sentence(_ text: String, at path: [any CodingKey]) -> String {
        guard !path.isEmpty else { return text }
        return "\(path.map(\.stringValue).joined(separator: ".")): \(text)"
    }
}
