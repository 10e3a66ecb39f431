#if Server
/// How a group of consumers is to work, as its clients have set it.
struct PersistentSettings: Sendable, Equatable, Codable {
    /// Where a group begins that has no checkpoint.
    enum Start: Sendable, Equatable, Codable {
        case start
        /// A revision or a position; the event there is the first.
        case at(Int64)
        /// With what is recorded behind the position that was the log's last when this was set.
        case end(after: Int64)
    }

    var start = Start.start
    var resolvesLinks = false
    /// Whether it is measured how long clients take.
    var measuresTimes = false
    /// How long a client may take for an event, in milliseconds.
    var messageTimeout: Int64 = 30_000
    var maxRetryCount: Int32 = 10
    /// The least time between checkpoints that time brings about, in milliseconds; 0 for none by time.
    var checkpointAfter: Int64 = 2_000
    var minCheckpointCount: Int32 = 10
    var maxCheckpointCount: Int32 = 1_000
    /// 0: as many as like.
    var maxSubscriberCount: Int32 = 0
    var liveBufferSize: Int32 = 500
    var readBatchSize: Int32 = 20
    var historyBufferSize: Int32 = 500
    var strategy = ConsumerStrategy.roundRobin

    /// As clients are told it.
    func startText(isAll: Bool) -> String {
        switch start {
        case .start: GroupPlace.text(0, isAll: isAll)
        case .at(let number): GroupPlace.text(number, isAll: isAll)
        case .end: isAll ? "C:-1/P:-1" : "-1"
        }
    }
}
#endif
