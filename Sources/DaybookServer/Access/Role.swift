#if Server
/// What a user may do without being named for it: a group that the server knows. The first two names are KurrentDB's.
enum Role: String, Sendable, CaseIterable {
    /// May do everything.
    case admin = "$admins"
    /// Looks after the server and its groups of consumers; sees no events.
    case `operator` = "$ops"
    /// Keeps what is derived from the log: checkpoints, snapshots and read models, which are not looked at by streams.
    case projector = "$projectors"
    /// Reads and writes all streams but those of the system.
    case writer = "$writers"
    /// Reads all streams but those of the system.
    case reader = "$readers"
}
#endif
