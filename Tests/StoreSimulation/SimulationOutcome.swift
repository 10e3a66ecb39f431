/// What came of one seed.
public struct SimulationOutcome: Sendable {
    public internal(set) var seed: UInt64 = 0
    /// What the store did that it must not do; nil when all was well.
    public internal(set) var violation: String?
    /// Equal for two runs that did the same.
    public internal(set) var traceHash: UInt64 = 0
    public internal(set) var steps = 0
    public internal(set) var operations = 0
    public internal(set) var acknowledgedAppends = 0
    public internal(set) var crashes = 0
    public internal(set) var reopenings = 0
    public internal(set) var simulatedMicroseconds: Int64 = 0
    public internal(set) var faults: [FaultKind: Int] = [:]
    /// Damage by a disk that lied, and how it was told.
    public internal(set) var damageRefusedAtOpening = 0
    public internal(set) var damageFoundByVerify = 0
    /// How often a file was sound although its disk had lied.
    public internal(set) var lyingDisksSurvived = 0
    /// Appends at the log's end that were acknowledged, and that a disk that lied took back.
    public internal(set) var acknowledgedLost = 0
    /// The file was damaged, and this was told: the run ended there.
    public internal(set) var endedByDamage = false
    /// The last steps before a violation, or all of them when they were asked for.
    public internal(set) var lastSteps: [String] = []
}
