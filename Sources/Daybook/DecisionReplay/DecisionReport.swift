/// What came of deciding recorded commands again.
public struct DecisionReport<Command: Sendable, Event: Sendable>: Sendable {
    /// The commands that were decided again.
    public private(set) var commandCount = 0
    /// Those that come out differently, by how they do.
    public private(set) var counts: [DecisionDifference<Command, Event>.Kind: Int] = [:]
    /// The first of them in the order of the log, as many as were asked for.
    public private(set) var differences: [DecisionDifference<Command, Event>] = []
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    /// The commands that come out differently.
    public var differenceCount: Int { counts.values.reduce(0, +) }

    /// - Parameter difference: Nil for a command that comes out the same.
    mutating func add(_ difference: DecisionDifference<Command, Event>?) {
        commandCount += 1
        guard let difference else { return }
        counts[difference.kind, default: 0] += 1
        if differences.count < limit { differences.append(difference) }
    }
}
