import DaybookCore
import DaybookSQLite
import Foundation

/// One run of a store over a disk in memory, with tasks that use it, all on one thread and in an order that a seed
/// decides: what the clients ask for, which task, which writer's or reader's step comes next, what the disk does to each call,
/// when the store is brought down, and what is left of its files then.
///
/// The same seed does the same in every process, as long as `SWIFT_DETERMINISTIC_HASHING` is set in all of them or the code
/// asks no hash table for its order.
public final class Simulation: @unchecked Sendable {
    let seed: UInt64
    let plan: SimulationPlan
    let planted: PlantedFault?
    let path: String
    var random: SimulationRandom
    var trace: SimulationTrace
    var history = SimulationHistory()
    let executor = SeededExecutor()
    let scheduling = SimulatedScheduling()
    let clock = SimulatedClock()
    private(set) var disk: SimulatedDisk! = nil
    var operations = 0
    private var reopenings = 0
    private var violation: String?
    private var depth = 0
    private var outcome = SimulationOutcome()
    /// Whether the last life has begun, in which nothing breaks and everything must work.
    private var isLive = false

    private static let mostSteps = 3_000_000
    private static let deepestInterleaving = 3

    /// - Parameters:
    ///   - folder: Exists; only the lock file that keeps a second store away from a file lies in it. A
    ///     folder is for one run.
    ///   - keepsTrace: Whether the outcome has every step, and not only the last ones before a violation.
    public static func run(
        seed: UInt64, planted: PlantedFault? = nil, folder: String, keepsTrace: Bool = false
    ) -> SimulationOutcome {
        let simulation = Simulation(seed: seed, planted: planted, folder: folder, keepsTrace: keepsTrace)
        return simulation.run()
    }

    private init(seed: UInt64, planted: PlantedFault?, folder: String, keepsTrace: Bool) {
        trace = SimulationTrace(keepsAll: keepsTrace)
        self.seed = seed
        self.planted = planted
        path = folder + "/log.daybook"
        random = SimulationRandom(seed: seed)
        plan = SimulationPlan(&random)
        disk = SimulatedDisk(self)
    }

    // MARK: - The course of a run

    private func run() -> SimulationOutcome {
        do {
            for life in 0..<plan.lives {
                guard try live(isFirst: life == 0) else { break }
            }
            if !outcome.endedByDamage { try end() }
        } catch {
            violation = violation ?? "\(error)"
        }
        outcome.seed = seed
        outcome.violation = violation
        outcome.traceHash = trace.hash
        outcome.steps = trace.steps
        outcome.operations = operations
        outcome.acknowledgedAppends = history.acknowledgedAppends
        outcome.reopenings = max(0, reopenings - 1)
        outcome.simulatedMicroseconds = clock.passed
        outcome.faults = disk.counts
        if violation != nil || trace.keepsAll { outcome.lastSteps = trace.lastSteps }
        return outcome
    }

    /// Opens the store on a disk that breaks, uses it, brings it down or closes it, and compares what is left with what
    /// was acknowledged.
    ///
    /// - Returns: False when the file is damaged, and this was told: then a backup is needed, and the run ends.
    private func live(isFirst: Bool) throws -> Bool {
        if let planted, !isFirst { planted.plant(in: path, fileSystem: disk.name) }
        disk.isArmed = true
        disk.limitRoom(to: plan.room)
        if let store = try open() {
            try use(store)
        }
        disk.isArmed = false
        disk.limitRoom(to: nil)
        try restart()
        guard let store = try open() else { return false }
        let goesOn = try compare(store)
        try close(store)
        // What was served after opening must be there after any power cut.
        if goesOn, random.oneIn(3) { disk.cutPower(.powerCut) }
        try restart()
        return goesOn
    }

    /// Safety is shown; now everything must work again.
    private func end() throws {
        isLive = true
        guard let store = try open() else { return }
        guard try compare(store) else { return try close(store) }
        for _ in 0..<2 {
            let client = SimulatedClient(simulation: self, store: store)
            try perform { [operations = plan.operationsPerClient] in await client.run(operations: operations) }
        }
        guard try compare(store) else { return try close(store) }
        try close(store)
        try restart()
        guard let again = try open() else { return }
        _ = try compare(again)
        try close(again)
    }

    private func open() throws -> SQLiteEventStore? {
        var configuration = plan.configuration(disk.name)
        configuration.scheduling = scheduling
        configuration.time = TimeSource { [clock] in clock.now }
        let result = try perform { [path, configuration] () async -> Result<SQLiteEventStore, OpenError> in
            do throws(OpenError) {
                return .success(try await SQLiteEventStore.open(path, configuration: configuration))
            } catch {
                return .failure(error)
            }
        }
        reopenings += 1
        switch result {
        case .success(let store):
            let head = try perform { try? await store.head() } ?? .start
            trace.note("opened", reopenings, Int(head.rawValue))
            let lost = history.didOpen(at: head)
            if lost > 0, !disk.hasLied {
                throw Violation("the log ends at \(head): \(lost) appends that were acknowledged are missing")
            }
            outcome.acknowledgedLost += lost
            return store
        case .failure(let error):
            note("not opened", error)
            if disk.hasLied {
                if !disk.isArmed {
                    outcome.damageRefusedAtOpening += 1
                    outcome.endedByDamage = true
                }
                return nil
            }
            guard disk.isArmed, case .storageFailed = error else { throw Violation("opening failed: \(error)") }
            return nil
        }
    }

    /// Lets clients work until they are done, the power is off, or the store is closed under their hands.
    private func use(_ store: SQLiteEventStore) throws {
        let running = Running(count: plan.clients)
        for _ in 0..<plan.clients {
            let client = SimulatedClient(simulation: self, store: store)
            Task(executorPreference: executor) { [operations = plan.operationsPerClient] in
                await client.run(operations: operations)
                running.count -= 1
            }
        }
        if random.oneIn(4) {
            let steps = random.below(300)
            let start = trace.steps
            try drive { running.count == 0 || trace.steps - start > steps }
        } else {
            try drive { running.count == 0 }
        }
        switch random.below(6) {
        case 0: disk.cutPower(.powerCut)
        case 1: disk.cutPower(.kill)
        default: break
        }
        try close(store)
        try drive { running.count == 0 }
    }

    /// The clients that are not done yet.
    private final class Running: @unchecked Sendable {
        var count: Int

        init(count: Int) { self.count = count }
    }

    private func close(_ store: SQLiteEventStore) throws { try perform { await store.close() } }

    private func restart() throws {
        if disk.crash != nil { outcome.crashes += 1 }
        trace.note("restart")
        guard disk.restart() else { throw Violation("\(disk.openFiles) files are open when the store is closed") }
    }

    // MARK: - One thing after another

    private func perform<Value: Sendable>(_ body: @escaping @Sendable () async -> Value) throws -> Value {
        let box = Box<Value>()
        Task(executorPreference: executor) { box.value = await body() }
        try drive { box.value != nil }
        guard let value = box.value else { throw Violation("nothing can go on, and somebody waits") }
        return value
    }

    private final class Box<Value: Sendable>: @unchecked Sendable {
        var value: Value?
    }

    private func drive(until isDone: () -> Bool) throws {
        while !isDone() {
            if let violation { throw Violation(violation) }
            guard step(isNested: false) || isDone() else { throw Violation("nothing can go on, and somebody waits") }
            guard trace.steps < Self.mostSteps else { throw Violation("there is no end after \(trace.steps) steps") }
        }
        if let violation { throw Violation(violation) }
    }

    /// Lets a task or a worker go on; false when none can.
    private func step(isNested: Bool) -> Bool {
        while true {
            let ready = scheduling.workers.filter { !$0.isBusy && !$0.isIdle }
            let tasks = executor.count == 0 ? 0 : plan.weights.tasks
            let bodies = !isNested && scheduling.hasBody ? 1 : 0
            var weight = tasks + bodies
            for worker in ready { weight += self.weight(worker) }
            guard weight > 0 else { return false }
            var choice = random.below(weight)
            if choice < tasks {
                let index = random.below(executor.count)
                trace.note("task", index, executor.count)
                executor.run(index)
                return didStep()
            }
            choice -= tasks
            if choice < bodies {
                trace.note("body")
                scheduling.runBody()
                return didStep()
            }
            choice -= bodies
            for worker in ready {
                guard choice >= self.weight(worker) else {
                    let step = scheduling.step(worker)
                    trace.note("worker", worker.name.utf8.count, worker.name.utf8.last.map(Int.init) ?? 0)
                    if step != .idle { return didStep() }
                    break
                }
                choice -= self.weight(worker)
            }
        }
    }

    private func weight(_ worker: SimulatedScheduling.Running) -> Int {
        worker.name == "daybook-writer" ? plan.weights.writer : plan.weights.readers
    }

    private func didStep() -> Bool {
        scheduling.wake()
        if disk.isArmed {
            clock.pass(upTo: 20_000, &random)
            disk.age()
        }
        return true
    }

    /// Lets others go on while a call to the disk is under way.
    func letOthersGoOn() {
        guard disk.isArmed, depth < Self.deepestInterleaving, random.oneIn(plan.interleaving) else { return }
        depth += 1
        trace.note("meanwhile", depth)
        for _ in 0...random.below(3) where step(isNested: true) {}
        depth -= 1
    }

    /// Notes an error, without the path, which is another in each run.
    func note(_ name: StaticString, _ error: any Error) {
        trace.note(name, text: "\(error)".replacingOccurrences(of: path, with: "log"))
    }

    // MARK: - What must not be

    func violate(_ description: String) { if violation == nil { violation = description } }

    /// A read or the like failed.
    func failed(_ error: any Error, _ what: String) {
        note("failed", error)
        guard !disk.hasLied else { return }
        switch error {
        case ReadError.cancelled, ReadError.closed, DerivedStateError.cancelled, DerivedStateError.closed: return
        case ReadError.storageFailed, DerivedStateError.storageFailed: if disk.isArmed { return }
        default: break
        }
        violate("\(what) failed: \(error)")
    }

    /// The store says that its file is damaged.
    func damaged(_ description: String) {
        // Not in whose words: SQLite's check of a damaged page tells of bytes that nobody wrote, another time of others.
        trace.note("damaged")
        if !disk.hasLied { violate(description) }
    }

    // MARK: - Comparing

    /// Compares all that can be read with what must be there.
    ///
    /// - Returns: False when the file is damaged, and the store says so.
    private func compare(_ store: SQLiteEventStore) throws -> Bool {
        let result = try perform { [self] () async -> Result<Bool, Violation> in
            do {
                if disk.hasLied { return .success(try await compareDamaged(store)) }
                try await compareWhole(store)
                return .success(true)
            } catch {
                return .failure(error as? Violation ?? Violation("comparing failed: \(error)"))
            }
        }
        return try result.get()
    }

    private func log(of store: SQLiteEventStore) async throws -> [RecordedEvent] {
        var log: [RecordedEvent] = []
        for try await event in store.events(filter: .everything, pageSize: random.pick([3, 50, 1000])) {
            log.append(event)
        }
        return log
    }

    private func compareWhole(_ store: SQLiteEventStore) async throws {
        let log = try await log(of: store)
        for (index, event) in log.enumerated() where event.position.rawValue != Int64(index + 1) {
            throw Violation("position \(event.position) follows \(index)")
        }
        var receipts: [CommandID: AppendResult] = [:]
        for command in history.commands { receipts[command] = try await store.receipt(for: command) }
        try history.settle(log, receipts: receipts)
        try await compareIndex(store, with: history.model)
        for key in history.derived.keys.map({ (name: "\($0)", key: $0) }).sorted(by: { $0.name < $1.name }).map(\.key) {
            try history.settle(key, at: try await store.value(of: key))
        }
        if isLive || random.oneIn(3) {
            let report = try await store.verify()
            if !report.isSound { throw Violation("verify finds \(report.findings)") }
        }
    }

    /// Everything that the index leads to is what the log has.
    private func compareIndex(
        _ store: SQLiteEventStore, with model: LogModel, ordersStreams: Bool = true
    ) async throws {
        let head = model.events.count
        let now = clock.now
        for stream in model.allStreams {
            for direction in [ReadDirection.forward, .backward] {
                let cursor: StreamCursor = direction == .forward ? .start : .end
                let page = try await store.readPage(of: stream, from: cursor, direction: direction, limit: 10_000)
                let expected = model.page(of: stream, from: cursor, direction, limit: 10_000, head, now: now)
                guard page.events == expected.events, page.state == expected.state else {
                    throw Violation(
                        "stream '\(stream)', \(direction), is \(page.brief); expected \(expected.brief)")
                }
            }
        }
        let streams = try await store.streams(after: nil, limit: 10_000)
        // Their order is that of their names, some of which a disk that lied may have made the store write anew.
        let expected = model.streams(head)
        guard ordersStreams ? streams == expected : Set(streams) == Set(expected) else {
            throw Violation("the streams are \(streams); expected \(expected)")
        }
        var filters: [EventFilter] = []
        for tag in Set(model.events.flatMap(\.tags)).sorted() { filters.append(EventFilter(tags: [tag])) }
        for type in Set(model.events.map(\.type)).sorted() {
            filters.append(EventFilter(types: [type], includesControlEvents: true))
        }
        for category in Set(model.events.map(\.stream.category)).sorted() {
            filters.append(EventFilter(categories: [category], includesControlEvents: true))
        }
        for filter in filters {
            let page = try await store.readPage(from: .start, direction: .forward, filter: filter, limit: 10_000)
            guard page.events == model.events.filter(filter.matches) else {
                throw Violation("\(filter) leads to \(page.brief)")
            }
        }
    }

    /// After a disk that lied: a file that is damaged is told to be so, and whatever is read is what somebody appended. One
    /// that is told to be sound is the log as it was up to some append.
    private func compareDamaged(_ store: SQLiteEventStore) async throws -> Bool {
        defer { history.forget() }
        let isSound: Bool
        do {
            let report = try await store.verify()
            isSound = report.isSound
            trace.note("verified", report.isSound ? 1 : 0)
        } catch {
            isSound = false
        }
        guard isSound else {
            outcome.damageFoundByVerify += 1
            outcome.endedByDamage = true
            let head = try await store.head()
            for position in stride(from: Int64(1), through: head.rawValue, by: 1) {
                guard
                    let page = try? await store.readPage(
                        from: .position(Position(position)), direction: .forward, filter: .everything, limit: 1)
                else { continue }
                for event in page.events where !history.isGenuine(event) {
                    throw Violation("a damaged file serves an event that nobody appended: \(event)")
                }
            }
            return false
        }
        let log = try await log(of: store)
        for event in log where !history.isGenuine(event) {
            throw Violation("verify finds nothing, and nobody appended \(event)")
        }
        for problem in [history.brokenRequest(in: log), history.movedAppend(in: log)] {
            if let problem { throw Violation("verify finds nothing, and \(problem)") }
        }
        try await compareIndex(store, with: LogModel(of: log), ordersStreams: false)
        outcome.lyingDisksSurvived += 1
        return true
    }
}

extension LogModel {
    /// Streams with events, control streams too.
    var allStreams: [StreamName] { Set(events.map(\.stream)).sorted() }
}
