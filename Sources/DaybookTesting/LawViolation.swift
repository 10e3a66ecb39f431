/// A promise that a store did not keep, with the values that show it.
public struct LawViolation: Error, Sendable, Equatable, CustomStringConvertible {
    public let message: String

    public init(_ message: String) { self.message = message }

    public var description: String { message }
}
