import Daybook
import DaybookCore

/// Crashes a whole system at every moment, and loses, delays and repeats its calls of the store: what is observed in the
/// end must be what is observed undisturbed.
///
/// ```swift
/// @Test("Balances are right, whatever crashes when")
/// func balances() async {
///     await SystemTorture { store in
///         _ = try await ProjectionRunner(Balances(), of: store, in: store).catchUp()
///     } observing: { store in
///         try await ReadModel(Balances(), of: store, in: store).document("account-42")
///     }
///     .recording(AccountEvent.deposited(amount: 10), to: "account-42")
///     .recording(AccountEvent.withdrawn(amount: 4), to: "account-42")
///     .check(seeds: TestSeeds.first(200))
/// }
/// ```
///
/// The system is started over a ``TortureStore`` and runs until it has done its work. When it crashes, its task is
/// cancelled, every call of its store throws, and it is started again over the same store behind, with nothing in
/// memory. It must end when its task is cancelled.
public struct SystemTorture<Observation: Sendable & Equatable>: TortureTest {
    public typealias Step = SystemTortureStep
    public typealias Base = TortureStore.Base

    /// The starts of a system that may end with an error of its own, between two pieces of events.
    private static var stops: Int { 10 }

    private let makeStore: @Sendable () async throws -> any Base
    private let reach: Int
    private let calls: Int
    private let timeLimit: Duration
    private let clock: any Clock<Duration>
    private let system: @Sendable (TortureStore) async throws -> Void
    private let isDone: (@Sendable (any Base) async throws -> Bool)?
    private let observe: @Sendable (any Base) async throws -> Observation
    private var pieces: [@Sendable (any Base) async throws -> Void] = []
    private var recorded: UInt64 = 0

    /// - Parameters:
    ///   - makeStore: A new and empty store, for each schedule.
    ///   - reach: The last change of the store on which a step may fall, counted through all starts.
    ///   - calls: The calls of the store after which a run is given up, in all starts together.
    ///   - timeLimit: How long a run may take, by the clock, before it is given up.
    ///   - system: Starts everything that runs, as a program does; returns when the work is done, or runs until its
    ///     task is cancelled when `isDone` is given.
    ///   - isDone: Whether the work is done, as the store behind tells; looked at after each change.
    ///   - observe: What the store behind holds in the end. It must not depend on chance, such as new identifiers.
    public init(
        in makeStore: @escaping @Sendable () async throws -> any Base = { InMemoryEventStore() }, reach: Int = 64,
        calls: Int = 20_000, timeLimit: Duration = .seconds(60), clock: any Clock<Duration> = ContinuousClock(),
        system: @escaping @Sendable (TortureStore) async throws -> Void,
        until isDone: (@Sendable (any Base) async throws -> Bool)? = nil,
        observing observe: @escaping @Sendable (any Base) async throws -> Observation
    ) {
        self.makeStore = makeStore
        self.reach = max(1, reach)
        self.calls = calls
        self.timeLimit = timeLimit
        self.clock = clock
        self.system = system
        self.isDone = isDone
        self.observe = observe
    }

    // MARK: Events

    /// Records events, once the system has done with those before.
    public func recording(_ events: (any DomainEvent)..., to stream: StreamName) -> SystemTorture {
        var torture = self
        torture.recorded += UInt64(events.count)
        let first = recorded
        return torture.recording { store in
            var news: [NewEvent] = []
            for (number, event) in events.enumerated() {
                var new = try ScenarioLog.encoded(event)
                // The same in each run, so that no order depends on chance.
                new.id = EventID(high: 0x7000, low: 0x8000_0000_0000_0000 | (first + UInt64(number) + 1))
                news.append(new)
            }
            try await store.append(news, to: stream)
        }
    }

    /// Changes the store behind, once the system has done with what was before; nothing disturbs it.
    public func recording(_ piece: @escaping @Sendable (any Base) async throws -> Void) -> SystemTorture {
        var torture = self
        torture.pieces.append(piece)
        return torture
    }

    // MARK: Running

    public func steps(seed: UInt64) -> [SystemTortureStep] { SystemTortureStep.draw(seed, reach: reach) }

    public func moved(_ step: SystemTortureStep, by distance: Int) -> SystemTortureStep? { step.moved(by: distance) }

    public func outcome(under steps: [SystemTortureStep]) async -> TortureOutcome<SystemTortureStep, Observation> {
        let run = TortureRun(steps, limit: calls)
        let result = await TortureFault.bounded(by: timeLimit, clock) { try await observation(run) }
        return TortureOutcome(result, notes: run.notes)
    }

    private func observation(_ run: TortureRun) async throws -> Observation {
        let base = try await makeStore()
        if pieces.isEmpty { try await settle(base, run) }
        for piece in pieces {
            try await piece(base)
            try await settle(base, run)
        }
        return try await observe(base)
    }

    /// Starts the system until it has done its work.
    private func settle(_ base: any Base, _ run: TortureRun) async throws {
        var stops = 0
        while true {
            try Task.checkCancellation()
            switch await start(base, run) {
            case .done: return
            case .crashed:
                guard !run.isOverLimit else {
                    throw TortureFault(
                        "The system made more than \(calls) calls of the store, and was not done: let it wait for the "
                            + "log's head where it asks again and again, or allow more calls.")
                }
            case .stopped(let reason):
                stops += 1
                guard stops < Self.stops else {
                    throw TortureFault(
                        "The system stopped \(stops) times, though nothing had crashed it. The last time: \(reason)")
                }
            }
        }
    }

    /// How one start of the system ended.
    private enum End: Sendable {
        case done
        case crashed
        case stopped(reason: String)
    }

    private func start(_ base: any Base, _ run: TortureRun) async -> End {
        let store = TortureStore(base, run)
        return await withTaskGroup(of: End.self) { group in
            group.addTask { await end(store, base) }
            group.addTask { await watch(store, base) }
            let first = await group.next() ?? .crashed
            group.cancelAll()
            return first
        }
    }

    /// Runs the system to its own end.
    private func end(_ store: TortureStore, _ base: any Base) async -> End {
        do {
            try await system(store)
            if store.hasCrashed { return .crashed }
            if try await isDone?(base) ?? true { return .done }
            return .stopped(reason: "It returned, and what it was to do was not done.")
        } catch {
            return store.hasCrashed ? .crashed : .stopped(reason: "\(error)")
        }
    }

    /// Waits until the system has crashed, or has done its work.
    private func watch(_ store: TortureStore, _ base: any Base) async -> End {
        for await _ in store.signals {
            if store.hasCrashed { return .crashed }
            guard let isDone else { continue }
            do { if try await isDone(base) { return .done } } catch { return .stopped(reason: "\(error)") }
        }
        return .stopped(reason: "Its task was cancelled.")
    }
}
