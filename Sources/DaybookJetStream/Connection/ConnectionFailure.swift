#if JetStream
/// Why a request to the cluster has no answer, or one that refuses it.
enum ConnectionFailure: Error, Equatable {
    /// The connection was closed by this process.
    case closed
    /// The caller's task was cancelled.
    case cancelled
    /// The request never left this process.
    case notSent(reason: String)
    /// Nobody listens on the subject: no leader at the moment. Nothing was done.
    case noResponders
    /// The request left, and no answer came in time; it may have been carried out.
    case timedOut
    /// The connection broke while the answer was awaited; the request may have been carried out.
    case disconnected
    /// Of an answer of several messages, one was lost on the way.
    case incomplete
    /// The server refused; `code` is its own, such as 10071.
    case refused(code: Int, description: String)
    /// An answer that cannot be read.
    case unreadable(String)

    /// Whether the request may have been carried out although it has no answer.
    var isOutcomeUnknown: Bool {
        switch self {
        case .timedOut, .disconnected, .incomplete, .cancelled, .closed, .unreadable: true
        case .notSent, .noResponders, .refused: false
        }
    }

    /// Whether the same request may succeed in a moment: an election, a restart, a broken connection.
    var isPassing: Bool {
        switch self {
        case .notSent, .noResponders, .timedOut, .disconnected, .incomplete: true
        case .refused(let code, _):
            // No leader, cluster or stream not available, insufficient resources, stream offline; and a leader whose copy of the
            // stream is not what was agreed on: it makes it anew, and what it refuses by then others may have stored (10063).
            [10003, 10004, 10005, 10008, 10009, 10013, 10023, 10063, 10077, 10118, 503].contains(code)
        case .closed, .cancelled, .unreadable: false
        }
    }

    /// Whether what was published may be stored all the same, now or later.
    ///
    /// While the lead changes, a message reaches the old leader and the new one: what one refuses, the other may store.
    /// A leader that gives up its place says so, and its successor may find the message in the log.
    var mayBeStored: Bool {
        guard case .refused(let code, _) = self else { return isOutcomeUnknown }
        // Another message came before, or is under way; a batch was lost with its leader; too many are open.
        return isPassing || [10071, 10164, 10176, 10210, 429].contains(code)
    }

    var reason: String {
        switch self {
        case .closed: "the connection was closed"
        case .cancelled: "the wait was cancelled"
        case .notSent(let reason): "not sent: \(reason)"
        case .noResponders: "the stream has no leader, or does not exist"
        case .timedOut: "no answer in time"
        case .disconnected: "the connection broke before the answer"
        case .incomplete: "a message of the answer was lost"
        case .refused(let code, let description): "JetStream error \(code): \(description)"
        case .unreadable(let what): "an answer that cannot be read: \(what)"
        }
    }
}
#endif
