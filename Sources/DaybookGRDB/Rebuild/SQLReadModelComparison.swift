import DaybookCore

/// What differs between two versions of a read model, as ``SQLProjectionRebuild/compare(keepingFirst:)`` found it.
public struct SQLReadModelComparison: Sendable {
    public let old: ReadModelName
    public let new: ReadModelName
    /// The position at which both were compared.
    public let position: Position
    /// By the name of the view.
    public internal(set) var views: [String: SQLRowComparison] = [:]
    /// Why the events behind the differences could not be told, if so: the differences have no causes then.
    public internal(set) var causesFailure: String?
    /// What was compared.
    let definitions: [SQLVersionedView]

    init(old: ReadModelName, new: ReadModelName, position: Position, of definitions: [SQLVersionedView]) {
        self.old = old
        self.new = new
        self.position = position
        self.definitions = definitions
    }

    /// The rows that differ, in all views.
    public var differenceCount: Int { views.values.reduce(0) { $0 + $1.differenceCount } }
}
