/// One of the events that a member handles together.
struct ConsumerBatchItem<Event: ReadableEvent>: Sendable {
    enum Answer: Sendable {
        case acknowledged
        case failed(reason: String)
        case parked(reason: String)
    }

    let delivery: ConsumerDelivery<Event>
    /// The first answer counts. Of one key they may come in any order.
    let answer: @Sendable (Answer) -> Void
}
