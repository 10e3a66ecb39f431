/// A way in which a store, or a network before it, answers wrongly. ``HistoryCanary`` plants each in a history that has
/// none, so that a run shows what its check can see.
public enum HistoryAnomaly: String, Sendable, Hashable, CaseIterable {
    /// An append was acknowledged, and is not in the log.
    case lostAcknowledgement
    /// An event is in the log a second time.
    case duplicate
    /// An event is in the log that nobody appended.
    case phantomEvent
    /// The last event of a batch is missing.
    case tornBatch
    /// An append was acknowledged with the next position.
    case changedPosition
    /// An append was acknowledged with the next version.
    case changedVersion
    /// Of two appends the one that was over before the other began stands behind it.
    case realTimeOrderViolated
    /// An append was recorded although the stream was not at the version expected.
    case expectedVersionViolated
    /// An append was recorded although an event fits its condition.
    case conditionIgnored
    /// An append was refused over a version that its stream had left before it began.
    case falseConflict
    /// A read returned what had been true before it began.
    case staleRead
    /// A read returned what became true only when it was over.
    case readFromFuture
    /// A page of the log lacks an event between others.
    case nonPrefixRead
    /// Of two reads, one after the other while an append is being written, the first saw it and the second did not.
    case readsGoBackwards
    /// A page has an event with other contents.
    case changedEvent
    /// A receipt tells of another result than the append's.
    case changedReceipt
    /// A receipt that has been told is not there any more.
    case forgottenReceipt

    /// What a check finds of it.
    var kinds: Set<HistoryViolation.Kind> {
        switch self {
        // Where the request was sent twice, another copy may be taken for it, at a position that was not acknowledged.
        case .lostAcknowledgement: [.lostWrite, .changedResult]
        case .duplicate: [.duplicateWrite]
        case .phantomEvent: [.phantomEvent]
        case .tornBatch: [.tornWrite, .changedResult]
        case .changedPosition, .changedVersion: [.changedResult]
        case .realTimeOrderViolated: [.outOfOrder]
        case .expectedVersionViolated, .conditionIgnored: [.forbiddenWrite]
        case .staleRead, .readsGoBackwards: [.staleAnswer]
        // The moment at which it was so may lie further back than a check looks for one.
        case .falseConflict, .forgottenReceipt: [.staleAnswer, .impossibleAnswer]
        // What becomes true may have been true before.
        case .readFromFuture: [.futureAnswer, .staleAnswer]
        case .nonPrefixRead, .changedEvent, .changedReceipt: [.impossibleAnswer]
        }
    }
}
