#if Server
import Synchronization

/// Counts the bytes that calls hold in memory, of one connection or of a whole server, up to a limit.
///
/// Buffers grow by doubling, so that what is counted may take twice its size.
final class RPCMemory: Sendable {
    let limit: Int
    private let whole: RPCMemory?
    private let holder: String
    private let held = Atomic(0)

    /// - Parameters:
    ///   - whole: What this is a part of, with a limit of its own.
    ///   - holder: Who holds the memory, in words for clients.
    init(limit: Int, of whole: RPCMemory? = nil, holder: String) {
        self.limit = limit
        self.whole = whole
        self.holder = holder
    }

    var bytesHeld: Int { held.load(ordering: .relaxed) }

    /// Whether more than half of it is free; who can wait does, while it is not.
    var isAtEase: Bool { bytesHeld <= limit / 2 && whole?.isAtEase ?? true }

    /// Nothing is taken when this throws.
    func take(_ count: Int) throws(RPCStatus) {
        let all = held.add(count, ordering: .relaxed).newValue
        guard all <= limit else {
            held.subtract(count, ordering: .relaxed)
            throw RPCStatus(
                .resourceExhausted,
                "The calls of \(holder) hold \(limit) bytes, which is the limit: send less at once, or read the answers."
            )
        }
        guard let whole else { return }
        do throws(RPCStatus) { try whole.take(count) } catch {
            held.subtract(count, ordering: .relaxed)
            throw error
        }
    }

    /// Also beyond the limit, so that others wait or are refused.
    func takeAnyway(_ count: Int) {
        held.add(count, ordering: .relaxed)
        whole?.takeAnyway(count)
    }

    func giveBack(_ count: Int) {
        held.subtract(count, ordering: .relaxed)
        whole?.giveBack(count)
    }
}
#endif
