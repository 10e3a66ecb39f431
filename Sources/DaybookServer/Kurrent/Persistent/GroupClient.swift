#if Server
/// A client of a group, as the group knows it.
struct GroupClient: Sendable {
    typealias ID = Int

    /// An event that is to be sent.
    struct Outgoing: Sendable {
        let event: GroupEvent
        /// Tells deliveries apart; nil for an event that nobody waits for an answer to.
        let delivery: Int64?
    }

    let name: String
    let user: String
    /// How many events it may have without having answered.
    let bufferSize: Int
    let connectedAt: ContinuousClock.Instant
    var inFlight = 0
    var outgoing: [Outgoing] = []
    var items = Throughput()
    var times = ResponseTimes()

    /// More than any client asks for; what it has not answered is held in memory.
    static let largestBuffer = 10_000

    init(name: String, user: String, bufferSize: Int, connectedAt: ContinuousClock.Instant) {
        self.name = name
        self.user = user
        self.bufferSize = max(1, min(bufferSize, Self.largestBuffer))
        self.connectedAt = connectedAt
    }

    /// Also what was not sent yet is counted: a client that does not read is given nothing more.
    var hasRoom: Bool { inFlight < bufferSize && outgoing.count < bufferSize }
}
#endif
