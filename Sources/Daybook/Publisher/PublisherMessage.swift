import Synchronization

/// What one recorded event is for others, on its way to a ``BatchPublisherTarget``. The first answer counts.
public final class PublisherMessage: Sendable {
    public enum Answer: Sendable, Equatable {
        /// The target has it for good.
        case acknowledged
        /// It is to be sent again after a wait; why.
        case failed(reason: String)
        /// The target will never take it, which stops its stream alone; why.
        case refused(reason: String)
    }

    /// At least one, in order.
    public let events: [CloudEvent]
    /// What is in order: the stream.
    public let key: String
    private let onAnswer: @Sendable (Answer) -> Void
    private let isAnswered = Mutex(false)

    /// For a target's own tests; a publisher makes the messages that it sends.
    public init(_ events: [CloudEvent], key: String, onAnswer: @escaping @Sendable (Answer) -> Void) {
        self.events = events
        self.key = key
        self.onAnswer = onAnswer
    }

    public func answer(_ answer: Answer) {
        let isFirst = isAnswered.withLock { isAnswered in
            defer { isAnswered = true }
            return !isAnswered
        }
        if isFirst { onAnswer(answer) }
    }
}
