import DaybookCore

/// Something in a file that is not as it was written.
public struct VerificationFinding: Sendable, Equatable, CustomStringConvertible {
    /// Nil when it is not about one event.
    public var position: Position?
    public var stream: StreamName?
    public var reason: String

    public init(position: Position?, stream: StreamName?, reason: String) {
        self.position = position
        self.stream = stream
        self.reason = reason
    }

    public var description: String {
        let place = [position.map { "position \($0)" }, stream.map { "stream '\($0)'" }].compactMap(\.self)
        return place.isEmpty ? reason : "\(place.joined(separator: ", ")): \(reason)"
    }
}

extension VerificationFinding: Codable {
    private enum CodingKeys: String, CodingKey {
        case position, stream, reason
    }

    /// Takes any name of a stream: one that is damaged may break every rule.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let stream = try container.decodeIfPresent(String.self, forKey: .stream)
        self.init(
            position: try container.decodeIfPresent(Position.self, forKey: .position),
            stream: stream.map { StreamName(unchecked: $0) },
            reason: try container.decode(String.self, forKey: .reason))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(position, forKey: .position)
        try container.encodeIfPresent(stream?.rawValue, forKey: .stream)
        try container.encode(reason, forKey: .reason)
    }
}
