#if Server
/// What must hold of a stream for an append to several: an expectation, or what only checks can ask for.
enum KurrentCondition: Sendable, Hashable {
    case expectation(KurrentExpectation)
    /// Deleted, and not written since.
    case deleted
    /// Deleted for good.
    case tombstoned

    /// As it stands in messages.
    var number: Int64 {
        switch self {
        case .expectation(let expected): expected.number
        case .deleted: -5
        case .tombstoned: -6
        }
    }

    /// Nil for a number that asks for nothing, -2 among them.
    init?(number: Int64) {
        switch number {
        case 0...: self = .expectation(.revision(number))
        case -1: self = .expectation(.noStream)
        case -4: self = .expectation(.exists)
        case -5: self = .deleted
        case -6: self = .tombstoned
        default: return nil
        }
    }

    /// Whether the store has no expected version for it, so that the stream has to be looked at before.
    var isLookedUpFirst: Bool {
        switch self {
        case .expectation: false
        case .deleted, .tombstoned: true
        }
    }
}
#endif
