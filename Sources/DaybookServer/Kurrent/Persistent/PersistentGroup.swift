#if Server
import DaybookCore

/// A group of consumers as a state machine: what is read, who has which event, what is tried again, what is parked, and up to
/// where all is done. Pure and synchronous; time comes in.
///
/// An event goes from `waiting` to a client (`inFlight`), from there to `retries` and to a client again, or to `parking`, and is
/// done when it was acknowledged or is parked. Of those that were taken from `waiting` and are not done, `unfinished` knows the
/// places: the checkpoint stays below the lowest.
struct PersistentGroup: Sendable {
    /// What a client says that it cannot take.
    enum Rejection: Sendable { case retry, park, skip, stop }

    struct InFlight: Sendable {
        let event: GroupEvent
        let client: GroupClient.ID
        let delivery: Int64
        let sentAt: ContinuousClock.Instant
    }

    /// An event that is to be parked, which it is when the log has it.
    struct Parking: Sendable {
        let event: GroupEvent
        let reason: String
    }

    struct Unfinished: Sendable {
        let sequence: Int64
        let previous: GroupPlace?
    }

    /// What becomes of the parked events that are delivered again.
    struct Replay: Sendable {
        /// The revision, among those parked, to be read next, and the first that is not.
        var next: Int64
        let end: Int64
        /// How many were read and are not done.
        var unfinished = 0

        var isReading: Bool { next < end }
    }

    let settings: PersistentSettings

    var waiting = EventQueue()
    var retries: [GroupEvent] = []
    var inFlight: [EventID: InFlight] = [:]
    var parking: [Parking] = []
    var unfinished: [Unfinished] = []
    var bytesInFlight = 0

    var clients: [GroupClient.ID: GroupClient] = [:]
    var selection: ConsumerSelection
    private var lastClient = 0
    var lastDelivery: Int64 = 0
    /// The clients for whom there is something to send, or who were dropped, since this was last asked.
    private var touched: Set<GroupClient.ID> = []

    /// What was looked at last, and how many events were, since the group began.
    var lastPlace: GroupPlace?
    var sequence: Int64 = 0
    var progress: CheckpointProgress

    var replay: Replay?
    /// Up to where parked events were delivered again; those below do not count as parked any more.
    var replayedThrough: Int64 = 0

    let startedAt: ContinuousClock.Instant
    var items = Throughput()
    private(set) var isLoaded = false
    private(set) var isLive = false

    /// Beyond these, nothing more is read, or delivered, until clients answer: a bound for large events, where the numbers of the
    /// settings are none.
    static let mostBytesWaiting = 4 << 20
    static let mostBytesInFlight = 64 << 20
    /// How much is sent in one piece; one event more may be in it.
    static let bytesAtOnce = 256 << 10
    /// How many events may wait to be parked until nothing is delivered any more.
    static let parkingHeld = 500

    init(settings: PersistentSettings, now: ContinuousClock.Instant) {
        self.settings = settings
        selection = ConsumerSelection(settings.strategy)
        progress = CheckpointProgress(settings: settings, now: now)
        startedAt = now
    }

    /// Begins behind a checkpoint, or without one.
    mutating func load(checkpoint: GroupPlace?) {
        lastPlace = checkpoint
        progress.saved = checkpoint
        isLoaded = true
    }

    // MARK: - What is read

    /// How many events there is room for; 0 when none are to be read now.
    var wantedEvents: Int {
        let size = Int(isLive ? settings.liveBufferSize : settings.historyBufferSize)
        let capacity = max(1, min(size, Limits.eventsPerPage))
        let batch = max(1, min(Int(settings.readBatchSize), capacity))
        guard waiting.count + batch <= capacity, waiting.bytes < Self.mostBytesWaiting else { return 0 }
        return batch
    }

    /// Takes what was read next.
    ///
    /// - Parameter isAtEnd: Whether there was no more.
    mutating func take(_ read: [ReadEvent], isAtEnd: Bool) {
        for item in read {
            sequence += 1
            if let event = item.wanted {
                waiting.append(
                    GroupEvent(
                        resolved: event, origin: .source(sequence: sequence), previous: lastPlace,
                        pin: GroupEvent.pin(of: event, by: settings.strategy)))
            }
            lastPlace = item.place
        }
        isLive = isAtEnd
        updateCheckpoint()
    }

    /// Up to a position of the log there is nothing more of what the group reads, which is a stream: the group is that far, too.
    /// One that was never given anything is not, since its settings say where it begins.
    mutating func pass(_ position: Int64) {
        guard let place = lastPlace, place.position < position else { return }
        lastPlace = GroupPlace(number: place.number, position: position)
    }

    // MARK: - Clients

    var isFull: Bool { settings.maxSubscriberCount > 0 && clients.count >= Int(settings.maxSubscriberCount) }

    /// Nil when there are as many as may be.
    mutating func connect(
        name: String, user: String, bufferSize: Int, now: ContinuousClock.Instant
    ) -> GroupClient.ID? {
        guard !isFull else { return nil }
        lastClient += 1
        clients[lastClient] = GroupClient(name: name, user: user, bufferSize: bufferSize, connectedAt: now)
        selection.add(lastClient)
        return lastClient
    }

    /// A client has gone: what it has not answered is tried again, what was not sent to it as if for the first time.
    mutating func disconnect(_ id: GroupClient.ID) {
        guard let client = clients.removeValue(forKey: id) else { return }
        selection.remove(id)
        touched.insert(id)
        let unsent = Set(client.outgoing.compactMap(\.delivery))
        for held in held(where: { $0.client == id }) {
            release(held)
            if unsent.contains(held.delivery) { enqueue(held.event) } else { retry(held.event) }
        }
    }

    mutating func disconnectAll() {
        for id in Array(clients.keys) { disconnect(id) }
    }

    /// What is to be sent to a client next; nil when it is no client any more.
    mutating func takeOutgoing(for id: GroupClient.ID, atMost count: Int) -> [GroupEvent]? {
        guard let outgoing = clients[id]?.outgoing else { return nil }
        var taken: [GroupEvent] = []
        var bytes = 0
        var looked = 0
        for item in outgoing {
            guard taken.count < count, bytes < Self.bytesAtOnce else { break }
            looked += 1
            // One whose time was over before it was sent is somebody else's by now.
            if let delivery = item.delivery, inFlight[item.event.id]?.delivery != delivery { continue }
            taken.append(item.event)
            bytes += item.event.bytes
        }
        clients[id]?.outgoing.removeFirst(looked)
        return taken
    }

    mutating func touch(_ client: GroupClient.ID) { touched.insert(client) }

    mutating func takeTouched() -> Set<GroupClient.ID> {
        defer { touched.removeAll(keepingCapacity: true) }
        return touched
    }
}
#endif
