#if Server
import DaybookCore

/// The appends of one call that are under way. What goes beyond waits for one of them, so that a client that sends faster than the
/// store writes does not fill the memory.
struct AppendsInHand {
    static let mostAppends = 256
    /// Their messages together, in bytes; one append that is larger is taken alone.
    static let mostBytes = 2 * Limits.appendBytes

    private var count = 0
    private var bytes = 0

    func hasRoom(for size: Int) -> Bool {
        count == 0 || (count < Self.mostAppends && bytes + size <= Self.mostBytes)
    }

    mutating func begin(_ size: Int) {
        count += 1
        bytes += size
    }

    mutating func end(_ size: Int) {
        count -= 1
        bytes -= size
    }
}
#endif
