/// What stands next in one lane of an ``EventSource``, in order.
public struct ReceivedBatch: Sendable {
    /// Names the lane, in reports: `orders/3`.
    public let lane: String
    /// At least one.
    public let messages: [ReceivedMessage]

    public init(lane: String, messages: [ReceivedMessage]) {
        self.lane = lane
        self.messages = messages
    }
}
