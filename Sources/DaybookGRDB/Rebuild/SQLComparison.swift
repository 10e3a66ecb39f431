import DaybookCore

/// What differs between two versions of a read model, as ``SQLProjectionRebuild/compare(keepingFirst:)`` found it.
public struct SQLComparison: Sendable {
    public let old: ReadModelName
    public let new: ReadModelName
    /// The position at which both were compared.
    public let position: Position
    /// By the name of the view.
    public internal(set) var views: [String: SQLRowComparison] = [:]

    /// The rows that differ, in all views.
    public var differenceCount: Int { views.values.reduce(0) { $0 + $1.differenceCount } }
}
