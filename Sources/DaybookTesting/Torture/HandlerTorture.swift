import Daybook
import DaybookCore

/// Delivers events to a handler as they come in the field, at least once each: again after a crash, twice, late, and in
/// another order between keys. What is observed in the end must be what is observed when each comes once, in order.
///
/// ```swift
/// @Test("Takings are right, however often and in which order deposits come")
/// func takings() async {
///     await HandlerTorture(in: { InMemoryEventStore() }) { store, event in
///         try await Inbox("takings", model: "takings", in: store).once(event) { documents in … }
///     } observing: { store in
///         try await store.document("total", of: "takings")
///     }
///     .recording(AccountEvent.deposited(amount: 10), to: "account-1")
///     .recording(AccountEvent.deposited(amount: 4), to: "account-2")
///     .check(seeds: TestSeeds.first(200))
/// }
/// ```
///
/// Within a key, by default the stream, the order is kept as a ``ConsumerGroup`` keeps it: no event comes again when a
/// later one of its key has been handled. A handler that throws is given the event again, up to five times. One that
/// does not return must end when its task is cancelled.
public struct HandlerTorture<World: Sendable, Observation: Sendable & Equatable>: TortureTest {
    public typealias Step = HandlerTortureStep
    public typealias Handler = @Sendable (RecordedEvent) async throws -> Void

    /// How often an event is given to a handler that throws.
    private static var attempts: Int { 5 }

    private let makeWorld: @Sendable () async throws -> World
    private let key: @Sendable (RecordedEvent) -> String
    private let timeLimit: Duration
    private let clock: any Clock<Duration>
    private let start: @Sendable (World) async throws -> Handler
    private let observe: @Sendable (World) async throws -> Observation
    private var pieces: [(events: [any DomainEvent], stream: StreamName)] = []

    /// A handler without a memory of its own.
    ///
    /// - Parameters:
    ///   - makeWorld: What the handler changes, as it is before the first event, for each schedule.
    ///   - key: What is kept in order.
    ///   - timeLimit: How long a run may take, by the clock, before it is given up.
    ///   - handle: Handles an event.
    ///   - observe: What the handler made of its world.
    public init(
        in makeWorld: @escaping @Sendable () async throws -> World,
        key: @escaping @Sendable (RecordedEvent) -> String = { $0.stream.rawValue },
        timeLimit: Duration = .seconds(60), clock: any Clock<Duration> = ContinuousClock(),
        handling handle: @escaping @Sendable (World, RecordedEvent) async throws -> Void,
        observing observe: @escaping @Sendable (World) async throws -> Observation
    ) {
        self.init(
            in: makeWorld, key: key, timeLimit: timeLimit, clock: clock,
            starting: { world in { event in try await handle(world, event) } }, observing: observe)
    }

    /// A handler with a memory of its own, which a crash takes from it.
    ///
    /// - Parameter start: Makes the handler, at first and after each crash.
    public init(
        in makeWorld: @escaping @Sendable () async throws -> World,
        key: @escaping @Sendable (RecordedEvent) -> String = { $0.stream.rawValue },
        timeLimit: Duration = .seconds(60), clock: any Clock<Duration> = ContinuousClock(),
        starting start: @escaping @Sendable (World) async throws -> Handler,
        observing observe: @escaping @Sendable (World) async throws -> Observation
    ) {
        self.makeWorld = makeWorld
        self.key = key
        self.timeLimit = timeLimit
        self.clock = clock
        self.start = start
        self.observe = observe
    }

    /// The next events, in the order in which they were recorded.
    public func recording(_ events: (any DomainEvent)..., to stream: StreamName) -> HandlerTorture {
        var torture = self
        torture.pieces.append((events, stream))
        return torture
    }

    private var events: [RecordedEvent] {
        get throws {
            var log = ScenarioLog()
            return try pieces.flatMap { events, stream in
                try events.map { log.record(try ScenarioLog.encoded($0), in: stream) }
            }
        }
    }

    // MARK: Running

    public func steps(seed: UInt64) -> [HandlerTortureStep] {
        HandlerTortureStep.draw(seed, events: pieces.reduce(0) { $0 + $1.events.count })
    }

    public func outcome(under steps: [HandlerTortureStep]) async -> TortureOutcome<HandlerTortureStep, Observation> {
        let events: [RecordedEvent]
        do { events = try self.events } catch {
            return TortureOutcome(.failure(TortureFault("An event could not be written: \(error)")))
        }
        var notes: [HandlerTortureStep: String] = [:]
        for step in steps where events.indices.contains(step.event - 1) {
            let event = events[step.event - 1]
            notes[step] = "'\(event.type)' at version \(event.version) of '\(event.stream)'"
        }
        let observation = await TortureFault.bounded(by: timeLimit, clock) {
            let world = try await makeWorld()
            try await deliver(events, under: steps, in: world)
            return try await observe(world)
        }
        return TortureOutcome(observation, notes: notes)
    }

    private func deliver(
        _ events: [RecordedEvent], under steps: [HandlerTortureStep], in world: World
    ) async throws {
        let keys = events.map(key)
        try await withThrowingTaskGroup(of: Void.self) { group in
            var handler = try await start(world)
            /// The keys of the events that are being handled beside others.
            var busy: Set<String> = []
            for delivery in HandlerDelivery.all(of: keys, under: steps) {
                try Task.checkCancellation()
                let event = events[delivery.event]
                if delivery.fate != .handled || busy.contains(keys[delivery.event]) {
                    try await group.waitForAll()
                    busy = []
                }
                if let turns = delivery.turns {
                    busy.insert(keys[delivery.event])
                    let handler = handler
                    group.addTask {
                        for _ in 0..<turns { await Task.yield() }
                        try await Self.handle(event, handler)
                    }
                    continue
                }
                if delivery.fate != .crashBefore { try await Self.handle(event, handler) }
                if delivery.fate != .handled { handler = try await start(world) }
            }
            try await group.waitForAll()
        }
    }

    private static func handle(_ event: RecordedEvent, _ handler: Handler) async throws {
        for attempt in 1... {
            do { return try await handler(event) } catch {
                guard attempt < attempts else {
                    throw TortureFault(
                        "The handler threw at event \(event.position), '\(event.type)' in '\(event.stream)', "
                            + "\(attempt) times. The last time: \(error)")
                }
                try Task.checkCancellation()
            }
        }
    }
}
