/// The position after which a reader goes on: everything up to it has had its effect.
public struct Checkpoint: Sendable, Hashable, Codable {
    public var position: Position

    public init(after position: Position) { self.position = position }

    /// Before the first event.
    public static let start = Checkpoint(after: .start)
}
