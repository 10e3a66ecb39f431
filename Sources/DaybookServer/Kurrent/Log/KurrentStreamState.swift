#if Server
/// A stream as conditions see it.
enum KurrentStreamState: Sendable, Equatable {
    /// One that has metadata counts as a stream where one is expected to exist.
    case missing(hasMetadata: Bool)
    case revision(Int64)
    /// Deleted, and not written since; it still answers to its last revision.
    case deleted(last: Int64?)
    case tombstoned

    /// As it stands in messages.
    var number: Int64 {
        switch self {
        case .missing: -1
        case .revision(let revision): revision
        case .deleted: -5
        case .tombstoned: -6
        }
    }

    /// Of the last event, visible or not; -1 when there is none, or nothing follows it any more.
    var lastRevision: Int64 {
        switch self {
        case .missing, .tombstoned: -1
        case .revision(let revision): revision
        case .deleted(let last): last ?? -1
        }
    }

    /// Whether a condition holds. A stream that is deleted for good may be asked about, but not be written.
    func fulfils(_ condition: KurrentCondition, isWritten: Bool) -> Bool {
        switch (self, condition) {
        case (.tombstoned, .tombstoned), (.tombstoned, .expectation(.any)), (.tombstoned, .expectation(.noStream)):
            !isWritten
        case (.tombstoned, _): false
        case (_, .tombstoned): false
        case (.deleted, .deleted): true
        case (_, .deleted): false
        case (_, .expectation(.any)): true
        case (.missing, .expectation(.noStream)), (.deleted, .expectation(.noStream)): true
        case (.revision, .expectation(.noStream)): false
        case (.missing(let hasMetadata), .expectation(.exists)): hasMetadata
        case (.revision, .expectation(.exists)): true
        case (.deleted, .expectation(.exists)): false
        case (_, .expectation(.revision(let revision))): revision == lastRevision
        }
    }
}
#endif
