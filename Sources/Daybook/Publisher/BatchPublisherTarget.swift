/// Where an ``EventPublisher`` sends events, many at once: a bus with batches, or with many requests under way.
public protocol BatchPublisherTarget: Sendable {
    /// Sends messages, and answers each as soon as its outcome is known.
    ///
    /// Messages of one stream (``PublisherMessage/key``) stand in order, and must be taken in order: when one is not
    /// acknowledged, none behind it of the same stream may be sent, nor acknowledged. Calls for other streams run
    /// meanwhile. A message that has no answer when this returns counts as one to be sent again.
    ///
    /// When the task is cancelled, return soon, and answer what is known.
    ///
    /// - Parameter messages: At least one.
    func send(_ messages: [PublisherMessage]) async
}
