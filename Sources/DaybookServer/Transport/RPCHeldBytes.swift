#if Server
import Synchronization

/// What the messages of one connection's unary calls take together, while they come and until they are answered, in bytes.
final class RPCHeldBytes: Sendable {
    let limit: Int
    private let count = Mutex(0)

    init(limit: Int) { self.limit = limit }

    /// - Returns: False when there is no room for so many more; then they do not count.
    func add(_ more: Int) -> Bool {
        count.withLock { count in
            guard count + more <= limit else { return false }
            count += more
            return true
        }
    }

    func remove(_ some: Int) { count.withLock { $0 -= some } }
}
#endif
