/// A schedule under which a ``TortureTest`` observes something else than undisturbed, as short as it could be made.
public struct TortureFailure<Step: Sendable & Hashable & CustomStringConvertible>: Error, Sendable,
    CustomStringConvertible
{
    /// What decided the schedule; nil when no seed did. Run the test again with it in the environment variable
    /// ``TestSeeds/variable``, or keep the steps as a test of their own.
    public let seed: UInt64?
    /// None of them can be left out.
    public let steps: [Step]
    /// What each step met with.
    public let notes: [Step: String]
    public let difference: String

    public var description: String {
        let origin = seed.map { ", with \(TestSeeds.variable)=\($0)" } ?? ""
        guard !steps.isEmpty else { return "Without any step it does not hold\(origin).\n\(difference)" }
        let lines = steps.enumerated().map { index, step in
            "  \(index + 1). \(step)\(notes[step].map { ": \($0)" } ?? "")"
        }
        return "It does not hold under these steps\(origin):\n\(lines.joined(separator: "\n"))\n\(difference)"
    }
}
