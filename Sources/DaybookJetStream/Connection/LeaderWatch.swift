#if JetStream
/// Whether a connection's server reaches those that lead: one that is cut off from them goes on answering its clients, that
/// there is no leader or not at all, for as long as it is cut off.
struct LeaderWatch: Sendable {
    /// For longer than an election takes, whose end every server hears of by itself.
    static let patience: Duration = .seconds(5)

    /// Since when no request that a leader has to answer was answered by one; nil while they are.
    private var silentSince: ContinuousClock.Instant?

    /// Notes how a request ended that a leader has to answer; nil when it was answered.
    mutating func note(_ failure: ConnectionFailure?, at now: ContinuousClock.Instant) {
        switch failure {
        case .noResponders, .timedOut: silentSince = silentSince ?? now
        case .refused where failure?.isPassing == true: silentSince = silentSince ?? now
        // Says nothing of leaders.
        case .cancelled, .closed: break
        case nil, .refused, .unreadable, .incomplete, .notSent, .disconnected: silentSince = nil
        }
    }

    /// Whether another server is to be asked. The next one has as much time.
    mutating func isOver(at now: ContinuousClock.Instant) -> Bool {
        guard let since = silentSince, since + Self.patience <= now else { return false }
        silentSince = nil
        return true
    }
}
#endif
