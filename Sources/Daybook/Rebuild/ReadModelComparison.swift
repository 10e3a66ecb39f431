import DaybookCore

/// What differs between two versions of a read model, as ``ProjectionRebuild/compare(converting:keepingFirst:)`` found it.
public struct ReadModelComparison: Sendable {
    public let old: ReadModelName
    public let new: ReadModelName
    /// What the new version had taken into account when the comparison began.
    public let position: Position
    /// The documents that either version has.
    public internal(set) var documentCount = 0
    public internal(set) var addedCount = 0
    public internal(set) var lostCount = 0
    public internal(set) var changedCount = 0
    /// Keys that changed in one version or the other whenever they were compared.
    public internal(set) var unsettledCount = 0
    /// The first differences in the order of their keys, as many as were asked for.
    public internal(set) var differences: [DocumentDifference<JSONValue>] = []

    init(old: ReadModelName, new: ReadModelName, through position: Position) {
        self.old = old
        self.new = new
        self.position = position
    }

    /// Documents that differ, or of which it is not known that they do not.
    public var differenceCount: Int { addedCount + lostCount + changedCount + unsettledCount }
}
