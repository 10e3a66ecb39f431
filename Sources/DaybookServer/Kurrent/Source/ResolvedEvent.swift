#if Server
/// An event that was read and, where it is a link that is to be followed, what it leads to.
struct ResolvedEvent: Sendable {
    /// As it is in the stream that is read: its revision and position are those at which a reader goes on.
    let original: KurrentEvent
    private let isFollowed: Bool
    private let target: KurrentEvent?

    init(_ event: KurrentEvent) {
        original = event
        isFollowed = false
        target = nil
    }

    /// - Parameter target: Nil when the link leads nowhere any more.
    init(link: KurrentEvent, target: KurrentEvent?) {
        original = link
        isFollowed = true
        self.target = target
    }

    /// What the reader asked for; nil when only the link to it is left.
    var event: KurrentEvent? { isFollowed ? target : original }
    /// The link by which the event was found; nil when it was found itself.
    var link: KurrentEvent? { isFollowed ? original : nil }

    /// The bytes that clients wrote.
    var payloadBytes: Int { original.payloadBytes + (target?.payloadBytes ?? 0) }
}

extension KurrentEvent {
    fileprivate var payloadBytes: Int { event.data.count + event.metadata.count }
}
#endif
