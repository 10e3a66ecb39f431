#if Kinesis
/// No credentials where they were looked for.
public struct MissingAWSCredentials: Error, Equatable, CustomStringConvertible {
    /// The environment variable that is not set.
    public let variable: String

    public init(variable: String) { self.variable = variable }

    public var description: String { "The environment variable \(variable) is not set: it holds the AWS credentials." }
}
#endif
