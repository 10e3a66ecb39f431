/// The shortest run of steps found at which a store does other than the model says.
public struct ModelTestFailure: Error, Sendable, CustomStringConvertible {
    /// Run the test again with this seed in the environment variable ``TestSeeds/variable``.
    public let seed: UInt64
    /// One line for each step; the last one shows the difference.
    public let steps: [String]
    public let difference: String

    public var description: String {
        let lines = steps.enumerated().map { "  \($0 + 1). \($1)" }.joined(separator: "\n")
        return """
            The store differs from the model, with \(TestSeeds.variable)=\(seed):
            \(lines)
            \(difference)
            """
    }
}
