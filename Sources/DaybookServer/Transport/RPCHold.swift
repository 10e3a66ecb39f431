#if Server
import Synchronization

/// What one call holds of its connection's memory. Whoever still works with the call's bytes keeps this; with the last of them all
/// of it is given back.
final class RPCHold: Sendable {
    private let memory: RPCMemory
    private let held = Atomic(0)

    init(of memory: RPCMemory) { self.memory = memory }

    deinit { memory.giveBack(held.load(ordering: .relaxed)) }

    /// - Throws: RESOURCE_EXHAUSTED when there is no room; nothing is taken then.
    func take(_ count: Int) throws(RPCStatus) {
        try memory.take(count)
        held.add(count, ordering: .relaxed)
    }

    /// The same of what cannot be refused, and is small.
    func takeAnyway(_ count: Int) {
        memory.takeAnyway(count)
        held.add(count, ordering: .relaxed)
    }

    /// Whether the connection and the server have enough memory left for a call to begin something that can wait.
    var isAtEase: Bool { memory.isAtEase }

    /// What was taken before.
    func giveBack(_ count: Int) {
        held.subtract(count, ordering: .relaxed)
        memory.giveBack(count)
    }
}
#endif
