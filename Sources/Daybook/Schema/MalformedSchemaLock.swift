/// A text that is no schema lock.
public struct MalformedSchemaLock: Error, Equatable, CustomStringConvertible {
    public let problem: String

    public var description: String { "The schema lock cannot be read: \(problem)" }
}
