#if Server
import DaybookCore

extension PersistentGroup {
    mutating func park(_ event: GroupEvent, _ reason: String) { parking.append(Parking(event: event, reason: reason)) }

    /// The first of those that are to be parked are in the log.
    mutating func parked(_ count: Int) {
        for parking in parking.prefix(count) { finish(parking.event) }
        parking.removeFirst(min(count, parking.count))
        updateCheckpoint()
    }

    // MARK: - Replaying

    /// Begins to deliver parked events again. False while others are still being read.
    ///
    /// - Parameters:
    ///   - first: The revision of the first one that can be seen.
    ///   - end: The first revision that is to stay.
    mutating func beginReplay(from first: Int64, to end: Int64) -> Bool {
        if replay?.isReading == true { return false }
        let first = max(first, replayedThrough)
        guard first < end else { return true }
        replay = Replay(next: first, end: end, unfinished: replay?.unfinished ?? 0)
        return true
    }

    /// How many of the parked events there is room for.
    var wantedParkedEvents: Int {
        guard let replay, replay.isReading, retries.count < max(1, Int(settings.historyBufferSize)) else { return 0 }
        return max(1, min(Int(settings.readBatchSize), Limits.eventsPerPage))
    }

    /// Takes parked events that were read. Those whose target is gone are left out by the reader.
    ///
    /// - Parameter next: The revision to go on with; `end` of the replay, when there are no more.
    mutating func takeParked(_ links: [ResolvedEvent], next: Int64) {
        guard var replay else { return }
        for link in links where link.original.revision < replay.end {
            replay.unfinished += 1
            enqueue(
                GroupEvent(
                    resolved: link, origin: .parked(revision: link.original.revision), previous: nil,
                    pin: GroupEvent.pin(of: link, by: settings.strategy)))
        }
        replay.next = min(next, replay.end)
        self.replay = replay
        if !replay.isReading { replayedThrough = replay.end }
    }

    /// Below which revision the parked events need not be kept: all of them were delivered, and are done. They are kept until
    /// then, so that none is lost when the server ends meanwhile.
    var parkedTruncation: Int64? {
        guard let replay, !replay.isReading, replay.unfinished == 0 else { return nil }
        return replay.end
    }

    mutating func truncatedParked(before revision: Int64) {
        if let replay, replay.end <= revision, !replay.isReading, replay.unfinished == 0 { self.replay = nil }
    }
}
#endif
