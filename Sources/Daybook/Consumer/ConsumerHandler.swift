/// How a member handles what it has claimed.
enum ConsumerHandler<Event: ReadableEvent>: Sendable {
    typealias Each = @Sendable (ConsumerDelivery<Event>) async throws -> Void
    typealias Together = @Sendable ([ConsumerBatchItem<Event>]) async -> Void

    /// A call for each event; returning acknowledges it.
    case each(Each)
    /// A call for all that were claimed at once, each answered on its own.
    case together(Together)
}
