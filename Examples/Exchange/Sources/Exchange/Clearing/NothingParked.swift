/// Why nothing is done again.
public struct NothingParked: Error, Equatable, CustomStringConvertible {
    public let key: String

    public init(key: String) { self.key = key }

    public var description: String { "Nothing is parked under '\(key)': look at the list of what is." }
}
