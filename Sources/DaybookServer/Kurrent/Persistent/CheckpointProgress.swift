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
    /// The one that is to be saved, or is being saved.
    private(set) var due: (sequence: Int64, place: GroupPlace)?

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
        guard let after, savedAt.duration(to: now) >= after, sequence - savedSequence >= leastCount else { return }
        due = (sequence, place)
    }

    mutating func save(_ checkpoint: (sequence: Int64, place: GroupPlace), now: ContinuousClock.Instant) {
        saved = checkpoint.place
        savedSequence = checkpoint.sequence
        savedAt = now
        if let due, due.sequence <= checkpoint.sequence { self.due = nil }
    }
}
#endif
