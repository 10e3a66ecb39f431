#if JetStream
/// Where the log ended with a receipt, and what its last event was then: between the two are no events.
struct ReceiptsAtEnd: Sendable {
    /// The sequence of the receipt.
    var last: Int64 = 0
    var event: Int64 = 0
}
#endif
