#if Server
import DaybookCore

/// Where a page of a stream begins. The event that is named is the first one returned, in either direction.
struct KurrentCursor: Sendable, Hashable {
    enum Place: Sendable, Hashable {
        /// The first event; a backward read from here returns it alone.
        case start
        /// The last event; a forward read from here returns it alone.
        case end
        /// Forward: the first event at or above this revision. Backward: the last at or below it.
        case revision(Int64)
    }

    let place: Place
    /// Where in the log the event of the revision, or what comes after it in the direction, is looked for: known to whoever
    /// goes on behind a page, so that it need not be found again.
    let position: Position?

    init(_ place: Place, at position: Position? = nil) {
        self.place = place
        self.position = position
    }

    static let start = KurrentCursor(.start)
    static let end = KurrentCursor(.end)
    static func revision(_ revision: Int64) -> KurrentCursor { KurrentCursor(.revision(revision)) }

    /// The last revision before the cursor, for whoever goes forward; nil when there is none.
    var previousRevision: Int64? {
        guard case .revision(let revision) = place, revision > 0 else { return nil }
        return revision - 1
    }
}

extension KurrentCursor {
    /// Where a client's read begins.
    init(at start: ReadOptions.Start) {
        switch start {
        case .start: self = .start
        case .end: self = .end
        case .at(let revision): self = .revision(revision)
        }
    }
}
#endif
