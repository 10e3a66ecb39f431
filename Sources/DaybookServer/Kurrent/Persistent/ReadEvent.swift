#if Server
/// What a group's reader has looked at.
struct ReadEvent: Sendable {
    struct Wanted: Sendable {
        let original: KurrentEvent
        let target: KurrentEvent?
        let isLink: Bool
    }

    let place: GroupPlace
    /// Nil when the group's filter leaves it out.
    let wanted: Wanted?
}
#endif
