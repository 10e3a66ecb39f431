import DaybookCore

/// Sends the events of a log to another system: the log is the outbox.
///
/// ```swift
/// let publisher = EventPublisher(
///     "warehouse", of: store, try PublishedEvents(AccountEvent.self, source: "/shop"), in: store, to: bus)
/// try await publisher.run()
/// ```
///
/// An event that was recorded is sent, *at least once*, after every earlier one of its stream: nothing is skipped, whenever
/// the process stops. One that is sent again has the same ``CloudEvent/id``. While the target does not answer, events are sent
/// again with longer and longer waits, for as long as it takes, and no more are read than the policy's window.
///
/// An event that cannot be read, that the version asked for cannot express, or that the target refuses for good
/// (``ParkEvent``) stops its stream and no other; see ``parked()``, ``replay(_:)`` and ``skip(_:reason:)``. When as many events
/// are held as the policy says (``ConsumerPolicy/held``), no more are read until some of them are dealt with.
///
/// Several processes may run one publisher: one of them sends, and another takes over when it stops or its lease runs out. They
/// are members of a consumer group (``ConsumerGroup``) of the publisher's name.
public struct EventPublisher: Sendable {
    private let group: ConsumerGroup<OutgoingEvent>
    private let handler: ConsumerHandler<OutgoingEvent>

    /// Patient, since a target that is away for a night is no reason to park its events. One process sends at a time; a policy
    /// that is not exclusive has them share the streams.
    public static let defaultPolicy = ConsumerPolicy(inFlight: 64, window: 256, deliveries: .max, isExclusive: true)
    /// The same, for a target that takes many events at once.
    public static let defaultBatchPolicy = ConsumerPolicy(
        inFlight: 1000, window: 2000, deliveries: .max, isExclusive: true)

    /// - Parameters:
    ///   - name: Names how far it has come. Another name is another publisher, which sends everything anew.
    ///   - log: Where the events are.
    ///   - published: Which events, and in which versions.
    ///   - models: Where it is kept how far it has come; one store for all processes that run it.
    ///   - target: Where they are sent.
    ///   - start: A new publisher begins behind this position.
    ///   - policy: How much is sent at once, and how long to wait. An event is parked after ``ConsumerPolicy/deliveries``,
    ///     by default never.
    ///   - time: Leases and waits are reckoned by it.
    ///   - clock: What it sleeps by.
    public init(
        _ name: ConsumerGroupName, of log: any EventStore, _ published: PublishedEvents, in models: any ReadModelStore,
        to target: any PublisherTarget, startingAfter start: Position = .start,
        policy: ConsumerPolicy = EventPublisher.defaultPolicy, time: TimeSource = .system,
        clock: any Clock<Duration> = ContinuousClock()
    ) {
        handler = .each { try await target.send($0.events.map(\.event)) }
        group = Self.group(name, log, published, models, start, policy, time, clock)
    }

    /// As ``init(_:of:_:in:to:startingAfter:policy:time:clock:)-(_,_,_,_,PublisherTarget,_,_,_,_)``, to a target that takes
    /// many events at once: it is given what waits of many streams, and of one stream what stands next to each other.
    public init(
        _ name: ConsumerGroupName, of log: any EventStore, _ published: PublishedEvents, in models: any ReadModelStore,
        to target: any BatchPublisherTarget, startingAfter start: Position = .start,
        policy: ConsumerPolicy = EventPublisher.defaultBatchPolicy, time: TimeSource = .system,
        clock: any Clock<Duration> = ContinuousClock()
    ) {
        handler = .together { items in await target.send(items.map(PublisherMessage.init)) }
        var policy = policy
        policy.run = policy.inFlight
        group = Self.group(name, log, published, models, start, policy, time, clock)
    }

    private static func group(
        _ name: ConsumerGroupName, _ log: any EventStore, _ published: PublishedEvents, _ models: any ReadModelStore,
        _ start: Position, _ policy: ConsumerPolicy, _ time: TimeSource, _ clock: any Clock<Duration>
    ) -> ConsumerGroup<OutgoingEvent> {
        ConsumerGroup(
            name, of: log, OutgoingEvent.self, in: models, filter: EventFilter(published.types),
            reader: OutgoingEvent.Reader(published: published), policy: policy, startingAfter: start, time: time,
            clock: clock)
    }

    /// Sends events until the task is cancelled.
    ///
    /// - Parameter member: A name that no other running process has. One that is started again under its former name need
    ///   not wait for its former lease to run out.
    /// - Throws: ``ConsumerError``, when the log or the state of the publisher cannot be read or changed.
    public func run(as member: ConsumerMemberName = .unique()) async throws(ConsumerError) {
        try await group.run(as: member, handler)
    }

    /// Sends everything that is recorded now, but for what is parked; for a program that runs now and then.
    ///
    /// - Returns: The position reached.
    /// - Throws: As ``run(as:)``.
    @discardableResult
    public func catchUp(as member: ConsumerMemberName = .unique()) async throws(ConsumerError) -> Position {
        try await group.catchUp(as: member, handler)
    }

    /// How far it has come, and how much is under way.
    public func status() async throws(ConsumerError) -> ConsumerGroupStatus { try await group.status() }

    /// How many positions lie between the first event that is neither sent nor held and the log's head; 0 when there is none.
    public func lag() async throws(ConsumerError) -> Int64 { try await group.lag() }

    /// The events at which streams have stopped, in the order of positions; the key of each is its stream.
    public func parked() async throws(ConsumerError) -> [ParkedEvent] { try await group.parked() }

    /// Sends a stream's parked event again, as it is read today, and then those that wait behind it, in order.
    ///
    /// - Throws: ``ConsumerRefusal/keyNotParked(_:)`` in ``ConsumerError/refused(_:)``.
    public func replay(_ stream: StreamName) async throws(ConsumerError) {
        try await group.replay(ConsumerKey(stream))
    }

    /// Leaves a parked event out for good, and records why; those that wait behind it are sent.
    ///
    /// - Throws: ``ConsumerRefusal/eventNotParked(_:)`` in ``ConsumerError/refused(_:)``.
    public func skip(_ position: Position, reason: String) async throws(ConsumerError) {
        try await group.skip(position, reason: reason)
    }

    /// What was left out, in the order of positions, above one if given.
    public func skipped(after position: Position? = nil, limit: Int = 100) async throws(ConsumerError) -> [SkippedEvent]
    {
        try await group.skipped(after: position, limit: limit)
    }
}

extension PublisherMessage {
    fileprivate convenience init(_ item: ConsumerBatchItem<OutgoingEvent>) {
        self.init(item.delivery.events.map(\.event), key: item.delivery.key.rawValue) { answer in
            switch answer {
            case .acknowledged: item.answer(.acknowledged)
            case .failed(let reason): item.answer(.failed(reason: reason))
            case .refused(let reason): item.answer(.parked(reason: reason))
            }
        }
    }
}
