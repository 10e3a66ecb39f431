import DaybookCore

/// What came of a fold.
struct FoldOutcome: Sendable {
    /// New contents, of documents whose bytes are others than before; nil deletes.
    var changes: [String: [UInt8]?] = [:]
    /// Keys that stopped, each before an event.
    var parked: [ParkedKey] = []
    /// The keys that unreadable events are said to have, by position.
    var eventKeys: [Position: [String]] = [:]
    /// What stopped the fold, before the recorded event of a number.
    var failure: (error: ProjectionError, index: Int)?
}
