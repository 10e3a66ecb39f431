/// One call of one client, from its beginning to its answer.
///
/// Instants are numbers that a ``HistoryRecorder`` gives out one after another, so that no two are the same. An operation
/// whose end has a lower number than another's beginning was over before that one began.
public struct HistoryOperation: Sendable, Equatable {
    public var client: Int
    /// The instant right before the store was called.
    public var started: Int64
    /// The instant right after it answered; nil when it never did.
    public var ended: Int64?
    public var call: HistoryCall
    public var answer: HistoryAnswer

    public init(client: Int, started: Int64, ended: Int64?, call: HistoryCall, answer: HistoryAnswer) {
        self.client = client
        self.started = started
        self.ended = ended
        self.call = call
        self.answer = answer
    }
}

extension HistoryOperation: CustomStringConvertible {
    public var description: String {
        "client \(client), \(started) to \(ended?.description ?? "never"): \(call) -> \(answer)"
    }
}
