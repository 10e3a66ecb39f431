/// How many states a command handler keeps in memory, so that a command needs no read.
///
/// A cached state is never trusted blindly: an append succeeds only at the version that the state has, and a rejection
/// is given only after reading what is new in the stream.
public enum StateCachePolicy: Sendable, Hashable {
    case none
    /// At most this many states; those not used for longest go first, roughly.
    case entries(Int)

    /// 10 000 states.
    public static let `default` = StateCachePolicy.entries(10_000)

    var limit: Int {
        switch self {
        case .none: 0
        case .entries(let count): max(0, count)
        }
    }
}
