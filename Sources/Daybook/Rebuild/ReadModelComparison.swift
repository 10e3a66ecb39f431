import DaybookCore

/// What differs between two versions of a read model.
public struct ReadModelComparison: Sendable {
    /// The documents that either version has.
    public var documentCount = 0
    public var addedCount = 0
    public var lostCount = 0
    public var changedCount = 0
    /// Keys that changed in one version or the other whenever they were compared.
    public var unsettledCount = 0
    /// The first differences in the order of their keys, as many as were asked for.
    public var differences: [DocumentDifference<JSONValue>] = []

    public init() {}

    /// Documents that differ, or of which it is not known that they do not.
    public var differenceCount: Int { addedCount + lostCount + changedCount + unsettledCount }
}
