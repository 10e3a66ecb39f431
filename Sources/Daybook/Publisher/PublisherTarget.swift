/// Where an ``EventPublisher`` sends events, one recorded event at a time: a webhook, a file.
public protocol PublisherTarget: Sendable {
    /// Hands over what one recorded event is for others; calls for events of other streams run meanwhile.
    ///
    /// It may be called again for events that it took before, when the publisher did not learn of it.
    ///
    /// - Parameter events: At least one, in order.
    /// - Throws: ``ParkEvent`` for events that the target will never take, which stops their stream alone; anything else to
    ///   be given them again after a wait.
    func send(_ events: [CloudEvent]) async throws
}
