#if Server
/// When a checkpoint is due, and which one was saved last.
struct CheckpointProgress: Sendable {
    private let after: Duration?
    private let leastCount: Int64
    private let mostCount: Int64

    /// The last one that is saved; nil when there is none.
    var saved: GroupPlace?
    private var savedSequence: Int64 = 0
    private var savedAt: ContinuousClock.Instant
    /// From where it is counted how much of the log has gone by.
    private var base: Int64?
    /// The one that is to be saved, or is being saved.
    private(set) var due: (sequence: Int64, place: GroupPlace)?

    /// A checkpoint is due when so much of the log has gone by, however few of its events are the group's: what it has not seen
    /// is kept, and counted as left behind.
    static let mostPositions: Int64 = 10_000

    init(settings: PersistentSettings, now: ContinuousClock.Instant) {
        after = settings.checkpointAfter > 0 ? .milliseconds(settings.checkpointAfter) : nil
        leastCount = Int64(max(1, settings.minCheckpointCount))
        mostCount = Int64(max(1, settings.maxCheckpointCount))
        savedAt = now
    }

    /// To be told up to where all is done.
    mutating func reach(_ sequence: Int64, _ place: GroupPlace) {
        if sequence - savedSequence >= mostCount { due = (sequence, place) }
    }

    /// The same, when a second has gone by.
    mutating func reach(_ sequence: Int64, _ place: GroupPlace, now: ContinuousClock.Instant) {
        reach(sequence, place)
        let start = base ?? saved?.position ?? place.position
        base = start
        if place.position - start >= Self.mostPositions { due = (sequence, place) }
        guard let after, savedAt.duration(to: now) >= after, sequence - savedSequence >= leastCount else { return }
        due = (sequence, place)
    }

    mutating func save(_ checkpoint: (sequence: Int64, place: GroupPlace), now: ContinuousClock.Instant) {
        saved = checkpoint.place
        savedSequence = checkpoint.sequence
        savedAt = now
        base = checkpoint.place.position
        if let due, due.place.position <= checkpoint.place.position { self.due = nil }
    }
}
#endif
