#if Server
/// What somebody asks for, in the same words for every protocol.
enum AccessAction: Sendable, Hashable {
    /// What everybody may do, known or not: find the server, and ask whether it lives.
    case discover
    /// What every user may do, or what the method itself asks about further.
    case call
    case stream(StreamRight, StreamResource)
    /// To take events from a group of consumers, which does not look at each for whom it is.
    case consume(StreamResource)
    /// To make an append depend on all events of a kind, or ask what became of a command: what tells that something was recorded,
    /// and no more.
    case askLog
    /// To keep and look up what programs derive from the log, whatever it is of: checkpoints, snapshots, read models.
    case derive
    /// To look after the server: its store's upkeep, groups of consumers, its end.
    case operate
    /// To make and change users, and all that nobody has thought of.
    case administer
    /// To make the first user.
    case found
}

/// What is said to somebody who asks.
enum AccessDecision: Sendable, Hashable {
    case allowed
    /// The events of those streams that they may read.
    case allowedInPart
    /// No: they are known, and may not.
    case denied
    /// No: they have not said who they are.
    case unauthenticated
}
#endif
