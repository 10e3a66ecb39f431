/// What came of one run of a ``TortureTest``.
public struct TortureOutcome<Step: Sendable & Hashable, Observation: Sendable>: Sendable {
    public var observation: Result<Observation, TortureFault>
    /// What each step met with, for those that met with something.
    public var notes: [Step: String]

    public init(_ observation: Result<Observation, TortureFault>, notes: [Step: String] = [:]) {
        self.observation = observation
        self.notes = notes
    }
}
