#if Server
import DaybookCore

extension PersistentGroup {
    /// Gives events to clients that have room: those that are tried again first.
    mutating func deliver(now: ContinuousClock.Instant) {
        guard !clients.isEmpty else { return }
        deliverRetries(now: now)
        while mayDeliver, let event = waiting.first {
            if let client = selection.next(pin: event.pin, among: clients) {
                _ = waiting.popFirst()
                track(event)
                hand(event, to: client, now: now)
            } else if settings.strategy.isPinned, retries.count < Int(settings.historyBufferSize) {
                // Its client is full, and others go on.
                _ = waiting.popFirst()
                track(event)
                enqueue(event)
            } else {
                break
            }
        }
        updateCheckpoint()
    }

    private var mayDeliver: Bool {
        bytesInFlight < Self.mostBytesInFlight && parking.count < Self.parkingHeld
    }

    private mutating func deliverRetries(now: ContinuousClock.Instant) {
        guard !retries.isEmpty else { return }
        var left: [GroupEvent] = []
        var index = 0
        while index < retries.count, mayDeliver {
            let event = retries[index]
            if let client = selection.next(pin: event.pin, among: clients) {
                hand(event, to: client, now: now)
            } else if settings.strategy.isPinned {
                left.append(event)
            } else {
                break
            }
            index += 1
        }
        guard index > left.count else { return }  // Nothing was delivered.
        retries.replaceSubrange(..<index, with: left)
    }

    private mutating func hand(_ event: GroupEvent, to client: GroupClient.ID, now: ContinuousClock.Instant) {
        touch(client)
        items.count()
        clients[client]?.items.count()
        guard inFlight[event.id] == nil else {
            // Of events with one identifier an answer can be meant for one only.
            clients[client]?.outgoing.append(.init(event: event, delivery: nil))
            finish(event)
            return
        }
        lastDelivery += 1
        inFlight[event.id] = InFlight(event: event, client: client, delivery: lastDelivery, sentAt: now)
        bytesInFlight += event.bytes
        clients[client]?.inFlight += 1
        clients[client]?.outgoing.append(.init(event: event, delivery: lastDelivery))
    }

    /// Events that clients have, in their order, so that they are parked in it, too.
    func held(where isMeant: (InFlight) -> Bool) -> [InFlight] {
        inFlight.values.filter(isMeant).sorted { $0.event.stands(before: $1.event) }
    }

    /// Takes an event from its client.
    mutating func release(_ held: InFlight) {
        inFlight[held.event.id] = nil
        bytesInFlight -= held.event.bytes
        clients[held.client]?.inFlight -= 1
    }

    /// Puts an event among those that are tried again, in order.
    mutating func enqueue(_ event: GroupEvent) {
        var low = 0
        var high = retries.count
        while low < high {
            let middle = (low + high) / 2
            if event.stands(before: retries[middle]) { high = middle } else { low = middle + 1 }
        }
        retries.insert(event, at: low)
    }

    // MARK: - Answers

    /// What is not in flight is passed over: its time was over, or it never was.
    mutating func acknowledge(_ ids: some Sequence<EventID>, now: ContinuousClock.Instant) {
        for id in ids {
            guard let held = inFlight[id] else { continue }
            release(held)
            if settings.measuresTimes { clients[held.client]?.times.record(held.sentAt.duration(to: now)) }
            finish(held.event)
        }
        updateCheckpoint()
    }

    mutating func reject(_ ids: some Sequence<EventID>, _ rejection: Rejection, reason: String) {
        for id in ids {
            guard rejection != .stop, let held = inFlight[id] else { continue }
            release(held)
            switch rejection {
            case .retry: retry(held.event)
            case .park: park(held.event, "Client explicitly NAK'ed message.\n\(reason)")
            case .skip: finish(held.event)
            case .stop: break
            }
        }
        updateCheckpoint()
    }

    /// To be called once a second: looks at what clients take too long for, and whether it is time for a checkpoint.
    mutating func tick(now: ContinuousClock.Instant) {
        let timeout = Duration.milliseconds(settings.messageTimeout)
        for held in held(where: { $0.sentAt.duration(to: now) >= timeout }) {
            release(held)
            retry(held.event)
        }
        if let (sequence, place) = done { progress.reach(sequence, place, now: now) }
    }

    mutating func retry(_ event: GroupEvent) {
        guard event.retryCount < settings.maxRetryCount else {
            park(event, "Reached retry count of \(settings.maxRetryCount)")
            return
        }
        var event = event
        event.retryCount += 1
        enqueue(event)
    }

    // MARK: - What is done

    private mutating func track(_ event: GroupEvent) {
        guard case .source(let sequence) = event.origin else { return }
        unfinished.append(Unfinished(sequence: sequence, previous: event.previous))
    }

    /// Nothing more becomes of an event.
    mutating func finish(_ event: GroupEvent) {
        switch event.origin {
        case .parked: replay?.unfinished -= 1
        case .source(let sequence):
            var low = 0
            var high = unfinished.count
            while low < high {
                let middle = (low + high) / 2
                if unfinished[middle].sequence < sequence { low = middle + 1 } else { high = middle }
            }
            if low < unfinished.count, unfinished[low].sequence == sequence { unfinished.remove(at: low) }
        }
    }

    /// Up to where all is done; nil when nothing is.
    var done: (sequence: Int64, place: GroupPlace)? {
        let sequence: Int64
        let place: GroupPlace?
        if let lowest = unfinished.first {
            (sequence, place) = (lowest.sequence - 1, lowest.previous)
        } else if let first = waiting.first, case .source(let next) = first.origin {
            (sequence, place) = (next - 1, first.previous)
        } else {
            (sequence, place) = (self.sequence, lastPlace)
        }
        guard let place else { return nil }
        return (sequence, place)
    }

    mutating func updateCheckpoint() {
        if let (sequence, place) = done { progress.reach(sequence, place) }
    }
}
#endif
