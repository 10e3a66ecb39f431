#if Server
import DaybookCore
import Synchronization

/// The tasks of upkeep that are under way, and how far they are. Each lasts as long as the call that asked for it.
final class UpkeepRuns: Sendable {
    private struct Run {
        let onlyLooks: Bool
        var progress: UpkeepProgress?
    }

    private let runs = Mutex<[EventID: Run]>([:])

    /// How many may be under way at once; of those that change something, one.
    static let limit = 8

    /// False when there is no room for one more.
    func begin(_ id: EventID, onlyLooks: Bool) -> Bool {
        runs.withLock { runs in
            guard runs.count < Self.limit, runs[id] == nil, onlyLooks || runs.values.allSatisfy(\.onlyLooks) else {
                return false
            }
            runs[id] = Run(onlyLooks: onlyLooks)
            return true
        }
    }

    func note(_ progress: UpkeepProgress, of id: EventID) { runs.withLock { $0[id]?.progress = progress } }

    /// Nil when nothing was told of it yet, or it has ended.
    func progress(of id: EventID) -> UpkeepProgress? { runs.withLock { $0[id]?.progress } }

    func end(_ id: EventID) { runs.withLock { $0[id] = nil } }
}
#endif
