#if JetStream
import CNATS

extension JetStreamConnection {
    /// - Parameter inbox: What the subject of the answer begins with; nil for the inbox of all requests.
    func send(_ messages: [OutgoingMessage], token: UInt64?, inbox: String? = nil) {
        var group: [OpaquePointer] = []
        group.reserveCapacity(messages.count)
        for (index, message) in messages.enumerated() {
            let reply = index == messages.count - 1 ? token.map { (inbox ?? inboxPrefix) + String($0) } : nil
            var created: OpaquePointer?
            let status = message.body.withUnsafeBytes { bytes in
                natsMsg_Create(
                    &created, message.subject, reply, bytes.baseAddress?.assumingMemoryBound(to: CChar.self),
                    Int32(bytes.count))
            }
            var reason = status == NATS_OK ? nil : Self.text(status)
            for (name, value) in message.headers where reason == nil {
                let status = natsMsgHeader_Set(created, name, value)
                if status != NATS_OK { reason = "the header \(name): \(Self.text(status))" }
            }
            guard reason == nil, let created else {
                for message in group + [created].compactMap({ $0 }) { natsMsg_Destroy(message) }
                if let token { core.fail(token, with: .notSent(reason: reason ?? "no message was made")) }
                return
            }
            group.append(created)
        }
        if core.enqueue(OutgoingGroup(messages: group, token: token)) {
            queue.async { [core, handle] in Self.drain(core, handle) }
        }
    }

    /// Publishes what waits, and flushes once for all of it.
    private static func drain(_ core: ConnectionRequests, _ handle: ConnectionHandle) {
        while let groups = core.takeOutgoing() {
            var isAnySent = false
            for group in groups {
                var status = NATS_OK
                for message in group.messages {
                    if status == NATS_OK { status = natsConnection_PublishMsg(handle.connection, message) }
                    natsMsg_Destroy(message)
                }
                if status == NATS_OK {
                    isAnySent = true
                } else if let token = group.token {
                    // Of a message that an I/O error met, the server may have got everything.
                    let isSurelyUnsent =
                        status == NATS_INSUFFICIENT_BUFFER || status == NATS_MAX_PAYLOAD
                        || status == NATS_CONNECTION_CLOSED || status == NATS_INVALID_SUBJECT
                        || status == NATS_INVALID_ARG || status == NATS_CONNECTION_DISCONNECTED
                    core.fail(token, with: isSurelyUnsent ? .notSent(reason: text(status)) : .disconnected)
                }
            }
            // The library's own flusher waits a millisecond; a ping sends at once, and its pong lets the next group gather.
            if isAnySent { _ = natsConnection_FlushTimeout(handle.connection, 1_000) }
        }
    }
}
#endif
