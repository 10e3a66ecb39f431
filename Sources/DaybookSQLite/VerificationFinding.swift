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
