#if Server
/// Events that wait in order, the first of which is taken. Knows how many bytes they have.
struct EventQueue: Sendable {
    private var events: [GroupEvent?] = []
    private var next = 0
    private(set) var bytes = 0

    var count: Int { events.count - next }
    var first: GroupEvent? { next < events.count ? events[next] : nil }

    mutating func append(_ event: GroupEvent) {
        events.append(event)
        bytes += event.bytes
    }

    mutating func popFirst() -> GroupEvent? {
        guard let event = first else { return nil }
        events[next] = nil
        next += 1
        bytes -= event.bytes
        if next == events.count {
            events.removeAll(keepingCapacity: true)
            next = 0
        } else if next >= 1_024, next * 2 >= events.count {
            events.removeFirst(next)
            next = 0
        }
        return event
    }
}
#endif
