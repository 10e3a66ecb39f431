#if Server
/// What a group's reader has looked at.
struct ReadEvent: Sendable {
    let place: GroupPlace
    /// Nil when the group's filter leaves it out.
    let wanted: ResolvedEvent?
}
#endif
