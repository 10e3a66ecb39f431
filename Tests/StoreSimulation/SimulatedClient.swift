import DaybookCore
import DaybookSQLite

/// A task that asks a store for one thing after another, as the plan and chance have it, and takes down what it is told.
struct SimulatedClient: Sendable {
    let simulation: Simulation
    let store: SQLiteEventStore

    private static let types: [EventType] = ["Opened", "Changed", "Closed"]
    private static let tags: [Tag] = ["t:1", "t:2", "t:3", "t:4", "t:5"]
    private static let streams: [StreamName] = ["a-1", "b-1", "a-2", "c-1", "b-2", "a-3", "c-2", "alone"]
    private static let models: [ReadModelName] = ["m1", "m2"]
    static let documentKeys = ["", "k1", "k2"]

    private var plan: SimulationPlan { simulation.plan }

    func run(operations: Int) async {
        for _ in 0..<operations {
            guard !simulation.disk.isOff else { return }
            simulation.clock.pass(upTo: 3_000_000, &simulation.random)
            await perform(simulation.random.pick(plan.operations))
        }
    }

    /// Runs something, and now and then cancels it a little later.
    private func attempt(_ body: @escaping @Sendable () async -> Void) async {
        simulation.operations += 1
        guard simulation.random.oneIn(plan.cancellation) else { return await body() }
        await cancelled(body)
    }

    private func cancelled(_ body: @escaping @Sendable () async -> Void) async {
        let task = Task(executorPreference: simulation.executor) { await body() }
        for _ in 0..<simulation.random.below(6) { await Task.yield() }
        simulation.trace.note("cancel")
        task.cancel()
        await task.value
    }

    private func perform(_ operation: SimulationPlan.Operation) async {
        switch operation {
        case .append: await append(request(to: 1))
        case .appendToMany: await append(request(to: simulation.random.within(2...4)))
        case .expectVersion:
            var request = request(to: simulation.random.within(1...2))
            for index in request.writes.indices {
                request.writes[index].expected = expectedVersion(of: request.writes[index].stream)
            }
            if simulation.random.oneIn(3), let stream = stream(notIn: request) {
                request.check(stream, at: expectedVersion(of: stream))
            }
            await append(request)
        case .condition: await appendOnCondition()
        case .command:
            var request = request(to: simulation.random.within(1...2))
            request.commandID =
                simulation.random.oneIn(4) && !simulation.history.commands.isEmpty
                ? simulation.random.pick(simulation.history.commands)
                : CommandID(unchecked: "command-\(simulation.history.count)")
            await append(request)
        case .repeatRequest:
            guard !simulation.history.requests.isEmpty else { return }
            var request = simulation.random.pick(simulation.history.requests)
            if request.commandID == nil, simulation.random.oneIn(4) {
                request.commandID = CommandID(unchecked: "repeat-\(simulation.history.count)")
            }
            await append(request)
        case .control: await control()
        case .readStream: await readStream()
        case .readLog: await readLog(simulation.random.oneIn(2) ? .everything : .all)
        case .readFiltered: await readLog(filter())
        case .readState: await readState()
        case .readStreams: await readStreams()
        case .readReceipt: await readReceipt()
        case .awaitHead: await awaitHead()
        case .checkpoint: await checkpoint()
        case .documents: await documents()
        case .snapshot: await snapshot()
        case .reindex:
            guard simulation.random.oneIn(4) else { return }
            await attempt { [self] in
                do { try await store.reindex() } catch { simulation.failed(error, "reindex") }
            }
        case .verify:
            guard simulation.random.oneIn(4) else { return }
            await attempt { [self] in
                do {
                    let report = try await store.verify()
                    if !report.isSound { simulation.damaged("verify found \(report.findings)") }
                } catch { simulation.failed(error, "verify") }
            }
        }
    }

    // MARK: - Appending

    private func stream() -> StreamName { Self.streams[simulation.random.below(plan.streams)] }

    private func stream(notIn request: AppendRequest) -> StreamName? {
        let stream = stream()
        return request.writes.contains { $0.stream == stream } ? nil : stream
    }

    private func events() -> [NewEvent] {
        (0..<(simulation.random.oneIn(12) ? 12 : simulation.random.within(1...3))).map { _ in
            let size =
                simulation.random.oneIn(15)
                ? simulation.random.within(2000...9000) : simulation.random.within(0...150)
            let tags = simulation.random.below(3)
            return NewEvent(
                id: EventID(high: simulation.random.next(), low: simulation.random.next()),
                type: simulation.random.pick(Self.types),
                data: [UInt8](repeating: UInt8(simulation.random.below(256)), count: size),
                metadata: simulation.random.oneIn(5) ? Array("{\"n\":\(simulation.history.count)}".utf8) : [],
                tags: (0..<tags).map { _ in simulation.random.pick(Self.tags) })
        }
    }

    private func request(to count: Int) -> AppendRequest {
        var request = AppendRequest()
        for _ in 0..<count {
            guard let stream = stream(notIn: request) else { continue }
            request.append(events(), to: stream)
        }
        if request.writes.isEmpty { request.append(events(), to: stream()) }
        return request
    }

    private func expectedVersion(of stream: StreamName) -> ExpectedVersion {
        switch simulation.random.below(8) {
        case 0: .any
        case 1: .noStream
        case 2: .streamExists
        case 3: .version(StreamVersion(Int64(simulation.random.below(6))))
        default: simulation.history.lastVersions[stream].map { .version($0) } ?? .noStream
        }
    }

    private func appendOnCondition() async {
        guard let head = try? await store.head() else { return }
        var request = request(to: 1)
        let after = simulation.random.oneIn(2) ? Int(head.rawValue) : simulation.random.below(Int(head.rawValue) + 2)
        var items = [EventQuery.Item(tags: [simulation.random.pick(Self.tags)])]
        if simulation.random.oneIn(2) { items.append(EventQuery.Item(types: [simulation.random.pick(Self.types)])) }
        if simulation.random.oneIn(3) { items[0].tags.insert(simulation.random.pick(Self.tags)) }
        request.condition = AppendCondition(
            failIfEventsMatch: EventQuery(items: items), after: Position(Int64(after)))
        await append(request)
    }

    private func control() async {
        let stream = stream()
        let action: StreamWrite.Action
        switch simulation.random.below(12) {
        case 0: action = .tombstone
        case 1, 2, 3: action = .delete
        case 4, 5:
            action = .setRetention(Retention(maxAge: .microseconds(simulation.random.within(1...20_000_000))))
        case 6, 7, 8: action = .setRetention(Retention(maxCount: Int64(simulation.random.within(1...5))))
        case 9, 10:
            action = .setRetention(
                Retention(truncateBefore: StreamVersion(Int64(simulation.random.below(8)))))
        default: action = .setRetention(.unlimited)
        }
        var request = AppendRequest(writes: [
            StreamWrite(
                stream: stream, expected: simulation.random.oneIn(3) ? expectedVersion(of: stream) : .any,
                action: action, metadata: Array("{\"n\":\(simulation.history.count)}".utf8))
        ])
        if simulation.random.oneIn(3), let other = self.stream(notIn: request) { request.append(events(), to: other) }
        await append(request)
    }

    private func append(_ request: AppendRequest) async {
        await attempt { [self] in
            let digest = request.commandID == nil ? 0 : RequestDigest(request).value
            let index = simulation.history.submit(
                .append(request, digest: digest), mayFail: simulation.disk.isArmed)
            let outcome: Result<AppendResult, AppendError>
            do throws(AppendError) {
                outcome = .success(try await store.append(request))
            } catch {
                outcome = .failure(error)
            }
            switch outcome {
            case .success(let result): simulation.trace.note("appended", index, Int(result.position.rawValue))
            case .failure(let error): simulation.note("refused", error)
            }
            simulation.history.conclude(index, .appended(outcome))
        }
    }

    // MARK: - Reading

    private func limit() -> Int { simulation.random.oneIn(3) ? simulation.random.within(1...5) : 1000 }

    private func check(_ events: [RecordedEvent]) {
        var events = events
        if simulation.planted == .alteredRead, let index = events.firstIndex(where: { !$0.data.isEmpty }) {
            let event = events[index]
            var data = Array(event.data)
            data[0] ^= 1
            events[index] = RecordedEvent(
                id: event.id, type: event.type, schemaVersion: event.schemaVersion, contentType: event.contentType,
                data: data[...], metadata: event.metadata, tags: event.tags, stream: event.stream,
                version: event.version, position: event.position, recordedAt: event.recordedAt)
        }
        for event in events where !simulation.history.isGenuine(event) {
            simulation.violate(
                "a read returned an event that nobody appended: \(event); asked for was \(simulation.history.asked(event.id))"
            )
        }
    }

    /// Runs a read, and takes down between which heads it ran.
    private func read<Value: Sendable>(
        _ what: String, _ body: @escaping @Sendable () async throws -> Value,
        isRight: @escaping @Sendable (Value, LogModel, Int) -> Bool
    ) async {
        await attempt { [self] in
            do {
                let first = try await store.head()
                let value = try await body()
                let last = try await store.head()
                simulation.trace.note("read", Int(first.rawValue), Int(last.rawValue))
                simulation.history.observe("\(what) was read as \(value)", from: first, to: last) {
                    isRight(value, $0, $1)
                }
            } catch {
                simulation.failed(error, what)
            }
        }
    }

    private func readStream() async {
        let stream = simulation.random.oneIn(10) ? self.stream().control : self.stream()
        let direction: ReadDirection = simulation.random.oneIn(2) ? .forward : .backward
        let cursor: StreamCursor =
            switch simulation.random.below(7) {
            case 0: .version(StreamVersion(Int64(simulation.random.below(8))))
            case 1: .position(Position(Int64(simulation.random.below(40))))
            case 2: .time(simulation.clock.some(&simulation.random))
            case 3: .end
            default: direction == .forward ? .start : .end
            }
        let limit = limit()
        await attempt { [self] in
            do {
                let first = try await store.head()
                let now = simulation.clock.now
                let page = try await store.readPage(of: stream, from: cursor, direction: direction, limit: limit)
                let last = try await store.head()
                check(page.events)
                simulation.trace.note("read", page.events.count, Int(page.events.last?.position.rawValue ?? 0))
                simulation.history.observe(
                    "stream '\(stream)' from \(cursor) \(direction), limit \(limit), was read as \(page.brief)",
                    from: first, to: last
                ) { model, head in
                    let expected = model.page(
                        of: stream, from: cursor, direction, limit: limit, head, now: now)
                    return expected.events == page.events && expected.state == page.state
                        && (expected.isAtEnd == page.isAtEnd || page.events.isEmpty)
                }
            } catch {
                simulation.failed(error, "reading stream '\(stream)'")
            }
        }
    }

    private func filter() -> EventFilter {
        var filter = EventFilter()
        switch simulation.random.below(5) {
        case 0: filter.categories = [simulation.random.pick(["a", "b", "c"])]
        case 1: filter.types = [simulation.random.pick(Self.types)]
        case 2:
            filter.query = EventQuery(items: [
                EventQuery.Item(types: [simulation.random.pick(Self.types)], tags: [simulation.random.pick(Self.tags)]),
                EventQuery.Item(tags: [simulation.random.pick(Self.tags)]),
            ])
        case 3: filter.streamPrefixes = ["a-"]
        default: filter.tags = [simulation.random.pick(Self.tags)]
        }
        if simulation.random.oneIn(4) { filter.tags.insert(simulation.random.pick(Self.tags)) }
        filter.includesControlEvents = simulation.random.oneIn(4)
        return filter
    }

    private func readLog(_ filter: EventFilter) async {
        let direction: ReadDirection = simulation.random.oneIn(2) ? .forward : .backward
        let cursor: LogCursor =
            switch simulation.random.below(6) {
            case 0: .position(Position(Int64(simulation.random.below(60))))
            case 1: .time(simulation.clock.some(&simulation.random))
            case 2: direction == .forward ? .end : .start
            default: direction == .forward ? .start : .end
            }
        let limit = limit()
        await attempt { [self] in
            do {
                let first = try await store.head()
                let page = try await store.readPage(from: cursor, direction: direction, filter: filter, limit: limit)
                let last = try await store.head()
                check(page.events)
                simulation.trace.note("read", page.events.count, Int(page.scannedThrough.rawValue))
                simulation.history.observe(
                    "the log from \(cursor) \(direction), limit \(limit), \(filter), was read as \(page.brief)",
                    from: first, to: last
                ) { model, head in
                    model.allows(page, from: cursor, direction, filter, limit: limit, head)
                }
            } catch {
                simulation.failed(error, "reading the log")
            }
        }
    }

    private func readState() async {
        let stream = stream()
        await read("the state of '\(stream)'") { [store] in
            try await store.state(of: stream)
        } isRight: {
            $1.state(of: stream, $2) == $0
        }
    }

    private func readStreams() async {
        await read("the streams") { [store] in
            try await store.streams(after: nil, limit: 1000)
        } isRight: {
            $1.streams($2) == $0
        }
    }

    private func readReceipt() async {
        guard !simulation.history.commands.isEmpty else { return }
        let command = simulation.random.pick(simulation.history.commands)
        await attempt { [self] in
            let first = simulation.history.lastAcknowledged
            do {
                let receipt = try await store.receipt(for: command)
                simulation.trace.note("receipt", Int(receipt?.position.rawValue ?? -1))
                simulation.history.observe(receipt, for: command, after: first)
            } catch {
                simulation.failed(error, "reading a receipt")
            }
        }
    }

    /// Waits for the log to move, and gives up after a while.
    private func awaitHead() async {
        simulation.operations += 1
        await cancelled { [self] in
            do {
                let first = try await store.head()
                let head = try await store.head(beyond: first)
                let last = try await store.head()
                simulation.trace.note("head", Int(head.rawValue))
                guard head > first, head <= last else {
                    return simulation.violate("the head beyond \(first) was told as \(head), and then as \(last)")
                }
            } catch {
                simulation.failed(error, "waiting for the head")
            }
        }
    }

    // MARK: - Derived state

    private func change(
        _ change: SimulationHistory.Change,
        _ body: @escaping @Sendable (SQLiteEventStore) async throws(DerivedStateError) -> Void
    ) async {
        let index = simulation.history.submit(change, mayFail: simulation.disk.isArmed)
        let outcome: Result<Void, DerivedStateError>
        do throws(DerivedStateError) {
            outcome = .success(try await body(store))
        } catch {
            outcome = .failure(error)
            simulation.note("not changed", error)
        }
        simulation.trace.note("changed", index)
        simulation.history.conclude(index, .changed(outcome))
    }

    private func observe(_ key: DerivedModel.Key) async {
        let first = simulation.history.lastAcknowledged
        do {
            let value = try await store.value(of: key)
            simulation.history.observe(key, value, after: first)
        } catch {
            simulation.failed(error, "reading \(key)")
        }
    }

    private func checkpoint() async {
        let name: CheckpointName = simulation.random.oneIn(2) ? "one" : "two"
        await attempt { [self] in
            await observe(.checkpoint(name))
            // Behind what is known to be recorded: a checkpoint beyond the log would be one of another log.
            guard let head = try? await store.head() else { return }
            let position = Position(Int64(simulation.random.below(Int(head.rawValue) + 1)))
            await change(.checkpoint(name, position)) { store throws(DerivedStateError) in
                try await store.save(Checkpoint(after: position), for: name)
            }
            await observe(.checkpoint(name))
        }
    }

    private func documents() async {
        let model = simulation.random.pick(Self.models)
        await attempt { [self] in
            guard case .position(let previous)? = try? await store.value(of: .modelCheckpoint(model)) else { return }
            let key = simulation.random.pick(Self.documentKeys)
            var batch = DocumentBatch(
                model: model, changes: [:], previous: Position(previous),
                checkpoint: Position(previous + Int64(simulation.random.below(3))))
            for _ in 0...simulation.random.below(3) {
                batch.changes[simulation.random.pick(Self.documentKeys)] = .some(
                    simulation.random.oneIn(5)
                        ? nil
                        : Array("\(simulation.history.count)".utf8)
                            + [UInt8](repeating: 32, count: simulation.random.below(40)))
            }
            if simulation.random.oneIn(3), let data = try? await store.document(key, of: model) {
                batch.expected[key] = data
            }
            await change(.documents(batch)) { [batch] store throws(DerivedStateError) in
                try await store.commit(batch)
            }
            await observe(.document(model, key))
            await observe(.modelCheckpoint(model))
        }
    }

    private func snapshot() async {
        let key: SnapshotKey = simulation.random.oneIn(2) ? "s1" : "s2"
        await attempt { [self] in
            await observe(.snapshot(key))
            if simulation.random.oneIn(5) {
                await change(.deleteSnapshot(key)) { store throws(DerivedStateError) in
                    try await store.deleteSnapshot(for: key)
                }
            } else {
                let number = simulation.history.count  // Versions grow, so that each takes the place of the one before.
                let snapshot = Snapshot(
                    key: key, version: StreamVersion(Int64(number)), position: 0, schema: "1",
                    data: Array("\(number)".utf8))
                await change(.snapshot(snapshot)) { store throws(DerivedStateError) in try await store.save(snapshot) }
            }
            await observe(.snapshot(key))
        }
    }
}

extension SQLiteEventStore {
    func value(of key: DerivedModel.Key) async throws(DerivedStateError) -> DerivedModel.Value {
        switch key {
        case .checkpoint(let name): try await checkpoint(for: name).map { .position($0.position.rawValue) } ?? .nothing
        case .modelCheckpoint(let model): .position(try await checkpoint(of: model).rawValue)
        case .document(let model, let key): try await document(key, of: model).map { .bytes($0) } ?? .nothing
        case .snapshot(let key): try await snapshot(for: key).map { .snapshot($0) } ?? .nothing
        }
    }
}

extension StreamPage {
    var brief: String {
        "\(events.map { "\($0.position)@\($0.version)" }), \(state.status) \(state.retention), end \(isAtEnd)"
    }
}

extension LogPage {
    var brief: String { "\(events.map(\.position)), scanned through \(scannedThrough), end \(isAtEnd)" }
}
