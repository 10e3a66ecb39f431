#if Server
import DaybookCore
import Synchronization

/// Counts the changes of what decides who may do what: metadata of streams, `$settings`, users. Whoever remembers something of
/// these remembers the count with it, asked for before it was read, and forgets it when the count is another.
final class AccessChanges: Sendable {
    /// By the hash of the stream's name: two streams may share a count, and then one is read again in vain.
    private let counts = Mutex([UInt64](repeating: 0, count: 1_024))
    private let all = Atomic<UInt64>(0)

    static let settings: StreamName = "$settings"

    /// Of all of them together.
    var total: UInt64 { all.load(ordering: .acquiring) }

    func count(of stream: StreamName) -> UInt64 { counts.withLock { $0[Self.slot(of: stream)] } }

    /// To be called when a write has ended, be it known or not whether anything was written.
    func note(_ streams: [StreamName]) {
        counts.withLock { counts in
            for stream in streams { counts[Self.slot(of: stream)] += 1 }
        }
        all.add(1, ordering: .acquiringAndReleasing)
    }

    /// To be called when anything may have changed.
    func noteEverything() {
        counts.withLock { counts in
            for slot in counts.indices { counts[slot] += 1 }
        }
        all.add(1, ordering: .acquiringAndReleasing)
    }

    /// Those of a request's streams that decide who may do what.
    static func deciding(in request: AppendRequest) -> [StreamName] {
        request.writes.lazy.map(\.stream).filter { isDeciding($0) }
    }

    /// The same of events that are recorded, which were copied or written by others. Deletions and retentions are in the store's
    /// own record of a stream.
    static func deciding(in events: [RecordedEvent]) -> [StreamName] {
        events.lazy.map { $0.stream.controlled ?? $0.stream }.filter { isDeciding($0) }
    }

    private static func isDeciding(_ stream: StreamName) -> Bool {
        let name = stream.rawValue.utf8
        return name.first == UInt8(ascii: "$")
            && (name.starts(with: KurrentNames.metadataCategory.utf8) || stream == settings
                || name.starts(with: User.streamPrefix.utf8))
    }

    private static func slot(of stream: StreamName) -> Int { Int(UInt(bitPattern: stream.hashValue) % 1_024) }
}
#endif
