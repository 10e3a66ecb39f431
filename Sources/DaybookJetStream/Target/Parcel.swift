#if JetStream
/// What goes together: one message, or the messages of an atomic batch. The first one of each subject says what must stand last
/// on it, or nothing is stored.
struct Parcel {
    /// How many events of which lane.
    private(set) var parts: [(lane: Int, count: Int)] = []
    private(set) var messages: [OutgoingMessage] = []

    /// What the headers of a batch and of its conditions take, at most.
    static let headerRoom = 400

    /// - Parameters:
    ///   - lanes: Of each, what stands next is taken, as far as there is room. Their heads are known.
    ///   - limit: How many messages, at most.
    ///   - bytes: How large it is, unless one message alone is larger.
    init(_ lanes: [OutgoingLane], to stream: String, limit: Int, bytes: Int, batchID: () -> String) {
        var size = 0
        for (index, lane) in lanes.enumerated() where messages.count < limit {
            var count = 0
            for entry in lane.entries.prefix(lane.isOneByOne ? 1 : limit - messages.count) {
                if !messages.isEmpty, size + entry.size > bytes { break }
                var message = entry.outgoing
                if count == 0 {
                    message.headers.append((MessageHeader.expectedLastOnSubject, String(lane.head.sequence ?? 0)))
                }
                messages.append(message)
                size += entry.size
                count += 1
            }
            if count > 0 { parts.append((index, count)) }
        }
        guard !messages.isEmpty else { return }
        messages[0].headers.append((MessageHeader.expectedStream, stream))
        guard messages.count > 1 else { return }
        let id = batchID()
        for index in messages.indices {
            messages[index].headers.append((MessageHeader.batchID, id))
            messages[index].headers.append((MessageHeader.batchSequence, String(index + 1)))
        }
        messages[messages.count - 1].headers.append((MessageHeader.batchCommit, "1"))
    }
}
#endif
