/// One thing that no correct store does, found in a ``History``.
public struct HistoryViolation: Sendable, CustomStringConvertible {
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// An acknowledged append is not in the log.
        case lostWrite
        /// An append is in the log more often than it was acknowledged or may have been written.
        case duplicateWrite
        /// An event is in the log that nobody asked for, or whose append was refused.
        case phantomEvent
        /// A part of an append is in the log.
        case tornWrite
        /// An append was acknowledged with another position, version, count or time than the log has.
        case changedResult
        /// Positions, versions or times of the log are not in order.
        case brokenLog
        /// An operation that was over before an append began saw the log beyond it, or was written behind it.
        case outOfOrder
        /// An append was recorded although its expected version, check, condition, receipt or a tombstone forbade it.
        case forbiddenWrite
        /// The answer tells of a moment before the operation began, or before what others had seen when it began.
        case staleAnswer
        /// The answer tells of a moment after the operation ended.
        case futureAnswer
        /// No moment explains the answer.
        case impossibleAnswer
        /// A read failed.
        case failedRead
    }

    public var kind: Kind
    /// The operation concerned; nil when the log itself is.
    public var operation: HistoryOperation?
    /// What was found, and what would have been allowed.
    public var message: String

    public var description: String {
        operation.map { "\(kind.rawValue): \($0)\n  \(message)" } ?? "\(kind.rawValue): \(message)"
    }
}
