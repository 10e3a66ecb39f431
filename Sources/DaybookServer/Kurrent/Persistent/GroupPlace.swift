#if Server
/// An event's place in what a group reads.
struct GroupPlace: Sendable, Hashable {
    /// What clients count by: the revision in the stream, or the position in `$all`. Below 0 when it is not known.
    let number: Int64
    /// In the log. The store's checkpoints are positions, which also tell what must be kept.
    let position: Int64

    init(number: Int64, position: Int64) {
        self.number = number
        self.position = position
    }

    /// In `$all`.
    init(position: Int64) { self.init(number: position, position: position) }

    /// As it stands in what clients are told of a group; empty when it is not known.
    static func text(_ number: Int64?, isAll: Bool) -> String {
        guard let number, number >= 0 else { return "" }
        return isAll ? "C:\(number)/P:\(number)" : String(number)
    }
}
#endif
