import DaybookCore

/// What a check of the whole log found.
public struct VerificationReport: Sendable, Equatable, Codable {
    /// Events whose records are whole.
    public var eventsChecked: Int64 = 0
    /// Events that were removed by scavenging.
    public var scavenged: Int64 = 0
    /// Streams met, control streams too.
    public var streams: Int64 = 0
    public var findingCount: Int64 = 0
    /// The first thousand findings.
    public var findings: [VerificationFinding] = []

    public init() {}

    public var isSound: Bool { findingCount == 0 }
}
