import DaybookCore

/// Members that share the events of a log: each event is handled by one of them, in order for each key.
///
/// ```swift
/// let group = ConsumerGroup("mailer", of: store, AccountEvent.self, in: store)
/// try await group.run { delivery in
///     for event in delivery.events { try await send(event, to: delivery.recorded.stream) }
/// }
/// ```
///
/// A handler that returns acknowledges the event; one that throws has it delivered again after a wait, and parks it
/// after ``ConsumerPolicy/deliveries``. A parked event stops its key and no other; see ``replay(_:)`` and
/// ``skip(_:reason:)``. Delivery is *at least once*: an ``Inbox`` makes the effect happen once.
///
/// The state of the group is not derived from the log: deleting it begins the group anew.
public struct ConsumerGroup<Event: ReadableEvent>: Sendable {
    public let name: ConsumerGroupName
    let log: any EventStore
    let models: any ReadModelStore
    let filter: EventFilter
    let reader: any EventReader<Event>
    let key: @Sendable (RecordedEvent) -> ConsumerKey
    let policy: ConsumerPolicy
    let start: Position
    let time: TimeSource
    let clock: any Clock<Duration>

    /// - Parameters:
    ///   - log: Where the events are.
    ///   - models: Where the members share their state; one store for all of them.
    ///   - filter: Which events are delivered; by default those whose type is one of `Event`'s. An event that passes
    ///     and cannot be read is parked.
    ///   - start: A new group begins behind this position.
    ///   - key: What is kept in order; a pure function. By default the stream.
    ///   - time: Leases and waits are reckoned by it: the clocks of members may differ by a small part of the lease.
    ///   - clock: What members sleep by.
    public init(
        _ name: ConsumerGroupName, of log: any EventStore, _ events: Event.Type, in models: any ReadModelStore,
        filter: EventFilter = EventFilter(Event.eventTypes), reader: any EventReader<Event> = Event.makeReader(),
        policy: ConsumerPolicy = ConsumerPolicy(), startingAfter start: Position = .start,
        key: @escaping @Sendable (RecordedEvent) -> ConsumerKey = { ConsumerKey($0.stream) },
        time: TimeSource = .system, clock: any Clock<Duration> = ContinuousClock()
    ) {
        self.name = name
        self.log = log
        self.models = models
        self.filter = filter
        self.reader = reader
        self.key = key
        self.policy = policy
        self.start = start
        self.time = time
        self.clock = clock
    }

    /// Handles events as a member of the group until the task is cancelled, then gives back what is not handled.
    ///
    /// Handlers of different keys run at once, up to ``ConsumerPolicy/inFlight``. A handler that hangs is cancelled after
    /// ``ConsumerPolicy/handlerTimeout``; until it returns it keeps its key and its place, and holds up no other key.
    /// When the task is cancelled the handlers' tasks are, and the method returns after the last of them.
    ///
    /// A handler runs in the ``CommandContext`` of its event, so that the commands that it gives name the event as
    /// their cause and the group as their actor.
    ///
    /// - Parameters:
    ///   - member: A name that no other running member has. A member that is started again under its former name
    ///     need not wait for its former lease to run out.
    ///   - handler: Returns to acknowledge; throws to have the event again later, ``ParkEvent`` to park it.
    /// - Throws: ``ConsumerError``, after its handlers were cancelled and have ended; ``ConsumerRefusal/leaseLost(token:)``
    ///   when the member was thought dead.
    public func run(
        as member: ConsumerMemberName = .unique(),
        _ handler: @escaping @Sendable (ConsumerDelivery<Event>) async throws -> Void
    ) async throws(ConsumerError) {
        try await ConsumerMember(self, member, .each(handler)).run()
    }

    func run(as member: ConsumerMemberName, _ handler: ConsumerHandler<Event>) async throws(ConsumerError) {
        try await ConsumerMember(self, member, handler).run()
    }

    /// Handles, as a member, everything that is recorded now, then leaves: for a program that runs now and then.
    ///
    /// It returns when all of it is settled or parked, by this member or others, also what is being replayed; parked events
    /// are for whoever looks after them.
    ///
    /// - Returns: The position reached.
    /// - Throws: As ``run(as:_:)``. After ``ConsumerRefusal/leaseLost(token:)`` the member joins again.
    @discardableResult
    public func catchUp(
        as member: ConsumerMemberName = .unique(),
        _ handler: @escaping @Sendable (ConsumerDelivery<Event>) async throws -> Void
    ) async throws(ConsumerError) -> Position {
        try await catchUp(as: member, .each(handler))
    }

    func catchUp(
        as member: ConsumerMemberName, _ handler: ConsumerHandler<Event>
    ) async throws(ConsumerError) -> Position {
        let head: Position
        do { head = try await log.head() } catch { throw ConsumerError(error) }
        while try await !hasReached(head) {
            let result = await withTaskGroup(of: Result<Void, ConsumerError>.self) { tasks in
                tasks.addTask {
                    do throws(ConsumerError) {
                        try await self.run(as: member, handler)
                        return .success(())
                    } catch {
                        if case .refused(.leaseLost) = error { return .success(()) }
                        return .failure(error)
                    }
                }
                tasks.addTask {
                    do throws(ConsumerError) {
                        while try await !self.hasReached(head) { try await self.sleep() }
                        return .success(())
                    } catch {
                        return .failure(error)
                    }
                }
                let first = await tasks.next() ?? .success(())
                tasks.cancelAll()
                return first
            }
            try result.get()
            guard !Task.isCancelled else { throw .cancelled }
        }
        return try await status().checkpoint
    }

    /// Whether nothing up to a position is still to be handled.
    private func hasReached(_ position: Position) async throws(ConsumerError) -> Bool {
        let state = try await currentState()
        // A key that is held and not parked is being replayed.
        let isReplaying = state.held.values.contains {
            guard $0.parking == nil, let first = $0.events.first else { return false }
            return first.position <= position
        }
        if isReplaying { return false }
        if state.checkpoint >= position { return true }
        // What the group has no events of is not saved as scanned for a while.
        guard state.window.isEmpty else { return false }
        if state.heldCount >= policy.held, state.held.values.allSatisfy({ $0.parking != nil }) {
            throw .tooManyHeld(state.heldCount)
        }
        do {
            let page = try await log.readPage(
                from: .after(state.scanned), direction: .forward, filter: filter, limit: 1)
            return page.events.first.map { $0.position > position } ?? (page.scannedThrough >= position || page.isAtEnd)
        } catch {
            throw ConsumerError(error)
        }
    }

    private func sleep() async throws(ConsumerError) {
        do { try await clock.sleep(for: policy.pollInterval) } catch { throw .cancelled }
    }

    /// How far the group has come.
    public func status() async throws(ConsumerError) -> ConsumerGroupStatus {
        let state = try await currentState()
        let now = time.now
        let members = state.members.values.filter { $0.expiresAt > now }
        let deliveries = members.flatMap { state.deliveries(of: $0.token) }
        return ConsumerGroupStatus(
            checkpoint: state.checkpoint, settled: state.settled, members: members.map(\.name).sorted(),
            inFlight: deliveries.count,
            overdue: deliveries.count { $0.since.map { $0.advanced(by: policy.handlerTimeout) < now } ?? false },
            held: state.heldCount)
    }

    /// How many positions lie between the first event that is neither settled nor held and the log's head; 0 when there is
    /// none, whatever else the log holds that is not the group's.
    public func lag() async throws(ConsumerError) -> Int64 {
        let state = try await currentState()
        do {
            let head = try await log.head()
            if state.window.isEmpty {
                // What the group has no events of is not saved as scanned for a while.
                var scanned = state.scanned
                while scanned < head {
                    let page = try await log.readPage(
                        from: .after(scanned), direction: .forward, filter: filter, limit: 1)
                    if let first = page.events.first { return head.rawValue - first.position.rawValue + 1 }
                    scanned = max(page.scannedThrough, scanned.next)
                }
                return 0
            }
            return max(0, head.rawValue - state.checkpoint.rawValue)
        } catch {
            throw ConsumerError(error)
        }
    }

    /// The events at which keys have stopped, in the order of positions.
    public func parked() async throws(ConsumerError) -> [ParkedEvent] {
        try await currentState().held.compactMap { key, stopped in
            guard let parking = stopped.parking, let first = stopped.events.first else { return nil }
            return ParkedEvent(
                position: first.position, key: key, reason: parking.reason, parkedAt: parking.parkedAt,
                deliveries: first.deliveries, waiting: stopped.events.count - 1)
        }.sorted { $0.position < $1.position }
    }

    /// Delivers a key's parked event again, as it is read today, and then those that wait behind it, in order. An
    /// event that fails anew stops the key again.
    ///
    /// - Throws: ``ConsumerRefusal/keyNotParked(_:)`` in ``ConsumerError/refused(_:)``.
    public func replay(_ key: ConsumerKey) async throws(ConsumerError) {
        _ = try await change(.replay(key))
    }

    /// Leaves a parked event out for good, and records why; the events that wait behind it are delivered.
    ///
    /// - Throws: ``ConsumerRefusal/eventNotParked(_:)`` in ``ConsumerError/refused(_:)``.
    public func skip(_ position: Position, reason: String) async throws(ConsumerError) {
        _ = try await change(.skip(position, reason: reason))
    }

    /// What was left out, in the order of positions, above one if given.
    public func skipped(after position: Position? = nil, limit: Int = 100) async throws(ConsumerError) -> [SkippedEvent]
    {
        try await ledger().skipped(after: position, limit: min(max(1, limit), Limits.documentsPerBatch))
    }

    func ledger() -> ConsumerLedger { ConsumerLedger(name, in: models, startingAfter: start) }

    /// How often the state is read again when it changes meanwhile.
    private static var readings: Int { 20 }

    /// The state as it is now. Documents read one by one belong together when nothing changed meanwhile; a group may change
    /// faster than it can be read. No event is missing all the same: what is held is read after the window, which it comes from.
    private func currentState() async throws(ConsumerError) -> ConsumerGroupState {
        let ledger = ledger()
        for _ in 0..<Self.readings {
            try await ledger.refresh()
            if try await !ledger.isStale() { break }
        }
        return ledger.state
    }

    private func change(_ input: ConsumerInput) async throws(ConsumerError) -> [ConsumerAction] {
        try await ledger().apply(at: { time.now }, policy, [input])
    }
}
