/// Identifies one execution: the instrument, and the number of the execution within it, from 1.
public struct ExecutionID: Sendable, Hashable, Codable, RawRepresentable, CustomStringConvertible,
    ExpressibleByStringLiteral
{
    public let rawValue: String

    public init(rawValue: String) { self.rawValue = rawValue }
    public init(stringLiteral value: String) { rawValue = value }
    public init(instrument: Instrument, number: Int64) { rawValue = "\(instrument)#\(number)" }

    public var description: String { rawValue }

    /// What was traded: symbols of instruments have no `#` in them.
    public var instrument: Instrument { Instrument(rawValue: String(rawValue.prefix { $0 != "#" })) }
}
