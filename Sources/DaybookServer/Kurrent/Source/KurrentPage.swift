#if Server
/// Some consecutive events of a stream.
struct KurrentPage: Sendable {
    /// May be empty although the end is not reached: go on at ``next``.
    var events: [ResolvedEvent]
    /// Where to go on, in the direction of the read; also at the end, where more may come.
    var next: KurrentCursor
    /// Whether the page reached the stream's end in its direction.
    var isAtEnd: Bool
    /// Whether there is such a stream.
    var isFound: Bool
    /// The lowest revision that the stream's truncation leaves visible.
    var firstRevision: Int64 = 0
    /// The last revision ever given, visible or not; nil when there is none, and when only
    /// ``KurrentSource/lastRevision()`` tells.
    var lastRevision: Int64?

    /// The most events of a page, and so of one piece that is sent.
    static let limit = 500
}
#endif
