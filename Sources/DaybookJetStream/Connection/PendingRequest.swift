#if JetStream
/// A request that waits for its answers.
struct PendingRequest: Sendable {
    let timeout: Duration
    var deadline: ContinuousClock.Instant
    /// True when no further answer is wanted.
    let read: @Sendable (borrowing IncomingMessage) -> Bool
    let fail: @Sendable (ConnectionFailure) -> Void

    init(
        timeout: Duration, read: @escaping @Sendable (borrowing IncomingMessage) -> Bool,
        fail: @escaping @Sendable (ConnectionFailure) -> Void
    ) {
        self.timeout = timeout
        deadline = .now + timeout
        self.read = read
        self.fail = fail
    }
}
#endif
