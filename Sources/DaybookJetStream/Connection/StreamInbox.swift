#if JetStream
import Synchronization

/// Where messages of a stream come that were asked for. They have the subjects under which they were published, so that the
/// inbox says which request they answer: the last one.
final class StreamInbox: Sendable {
    /// What the subjects of answers begin with.
    let prefix: String
    private let core: ConnectionRequests
    private let current = Mutex<UInt64>(0)
    private let subscription = Mutex<ConnectionSubscription?>(nil)

    init(_ connection: JetStreamConnection) throws(ConnectionFailure) {
        prefix = JetStreamConnection.newInboxPrefix()
        core = connection.core
        // The subscription would keep its inbox alive for ever.
        let made = try connection.subscribe(prefix + "*") { [weak self] message in self?.take(message) }
        subscription.withLock { $0 = made }
    }

    /// Answers are those of this request from now on.
    func expect(_ token: UInt64) { current.withLock { $0 = token } }

    /// What the server says itself has the subject that was asked for.
    private func take(_ message: borrowing IncomingMessage) {
        let subject = message.subject
        let token = subject.hasPrefix(prefix) ? UInt64(subject.dropFirst(prefix.count)) : current.withLock { $0 }
        if let token { core.take(message, for: token) }
    }
}
#endif
