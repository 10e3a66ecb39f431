#if Server
import Synchronization

/// The memory that messages take which have not come whole, of all calls together: whoever begins messages and never ends them
/// has not said yet who he is, and shall not have all of it.
final class RPCMessageMemory: Sendable {
    /// What each call may hold beside, in bytes: a message that comes in one frame is taken, whatever others hold.
    static let bytesFree = 16 << 10

    private let limit: Int
    private let held = Atomic(0)

    init(limit: Int) { self.limit = limit }

    /// Takes note that a call holds another number of bytes.
    ///
    /// - Returns: Whether there is room for more; the call holds them in any case.
    func change(from old: Int, to new: Int) -> Bool {
        let all = held.add(new - old, ordering: .relaxed).newValue
        return new <= old || all <= limit
    }
}
#endif
