import DaybookCore

/// Runs a process manager: reacts to what is recorded, sends the commands that follow, and lets deadlines pass.
///
/// ```swift
/// let runner = ProcessRunner(Fulfilment.self, of: store, in: store) { command, id in
///     switch command {
///     case .reserve(let order): try await stock.handle(.reserve(order), id: "1", commandID: id)
///     …
///     }
/// }
/// try await runner.run()
/// ```
///
/// **Once.** The reactions to some inputs and the note that these have had their effect are one append: whenever the
/// process stops, each input has had its effect or not, never half and never twice. Two runners at once: one ends with
/// ``ProcessError/moved(category:)``; several processes share the work by ``run(electing:)``.
///
/// **Commands** are recorded with the reaction, then sent by a consumer group, in order for each process and again after
/// a failure, always under the same identifier. A rejection comes back to the process. A command that fails for other
/// reasons is parked after a while and stops its process alone: see ``commands``.
///
/// **Deadlines** are durable. One passes when its time has come and every input that was recorded until then has been
/// reacted to, so that an input that came in time is never too late.
///
/// **Failures.** An input that cannot be read, or that the process manager throws at, stops the runner before it.
public final class ProcessRunner<P: ProcessManager>: Sendable {
    /// Sends the commands. Its parked events are commands that could not be carried out: mend the cause and
    /// ``ConsumerGroup/replay(_:)``, or ``ConsumerGroup/skip(_:reason:)``.
    public let commands: ConsumerGroup<ProcessRecord<P.Command>>
    let log: any EventStore
    let codecs: ProcessCodecs<P>
    let reader: any EventReader<P.Input>
    let batchSize: Int
    let time: TimeSource
    let clock: any Clock<Duration>
    let pollInterval: Duration
    let member: ConsumerMemberName
    let send: @Sendable (P.Command, CommandID) async throws -> Void
    let timers: ProjectionRunner<ProcessTimers<P>>
    let cache: StateCache<ProcessInstance<P>>
    let progress = ProjectionProgress()

    /// - Parameters:
    ///   - log: Where the inputs are, and the processes' own streams.
    ///   - models: Where the open deadlines are kept, and the state of the sending.
    ///   - reader: Reads the inputs.
    ///   - codec: Reads and writes the processes' own events.
    ///   - batchSize: The most inputs of one append, 1 to 5 000.
    ///   - cache: How many processes to keep in memory; others are read from their streams when something comes to them.
    ///   - policy: How commands are sent: how many at once, how often, and how long between.
    ///   - member: Under which name commands are sent. A runner that is started again under its former name need not
    ///     wait until the lease of what it had in hand has run out; no other may run under it meanwhile.
    ///   - time: Deadlines pass by it. Leases and retries of the sending go by the machine's clock all the same.
    ///   - clock: What the runner sleeps by.
    ///   - send: Carries out a command under an identifier. An error that is a ``CommandRejection`` with a reason comes
    ///     back to the process; after any other the command is sent again. It runs in a ``CommandContext`` that names
    ///     the command as the cause.
    public init(
        _ process: P.Type, of log: any EventStore, in models: any ReadModelStore,
        reader: any EventReader<P.Input> = P.Input.makeReader(),
        codec: any EventCodec<P.Event> = JSONEventCodec<P.Event>(), batchSize: Int = 500,
        cache: StateCachePolicy = .entries(50_000), policy: ConsumerPolicy = ConsumerPolicy(),
        member: ConsumerMemberName = .unique(), time: TimeSource = .system,
        clock: any Clock<Duration> = ContinuousClock(),
        send: @escaping @Sendable (P.Command, CommandID) async throws -> Void
    ) {
        self.log = log
        self.reader = reader
        codecs = ProcessCodecs(events: codec)
        self.batchSize = min(max(1, batchSize), 5_000)
        self.cache = StateCache(limit: cache.limit)
        self.time = time
        self.clock = clock
        pollInterval = policy.pollInterval
        self.member = member
        self.send = send
        timers = ProjectionRunner(ProcessTimers<P>(), of: log, in: models, clock: clock)
        commands = ConsumerGroup(
            ConsumerGroupName(unchecked: "\(ReadModelKind.processPrefix)\(P.category)"), of: log,
            ProcessRecord<P.Command>.self, in: models,
            filter: EventFilter(categories: [P.category], types: ["process.sent"]), policy: policy,
            clock: clock)
    }

    /// Runs until the task is cancelled, then returns.
    ///
    /// - Throws: ``ProcessError``, when it cannot go on.
    public func run() async throws(ProcessError) {
        progress.begin()
        let result = await withTaskGroup(of: Result<Void, ProcessError>.self) { group in
            group.addTask { await self.result { () throws(ProcessError) in try await self.reactForEver() } }
            group.addTask { await self.result { () throws(ProcessError) in try await self.watchDeadlines() } }
            group.addTask { await self.result { () throws(ProcessError) in try await self.sendCommands() } }
            var result = await group.next() ?? .success(())
            group.cancelAll()
            // Who waits for one that fails may be told of it before the failure itself is here.
            while !Task.isCancelled, case .failure(.cancelled) = result, let next = await group.next() { result = next }
            return result
        }
        do { try result.get() } catch .cancelled where Task.isCancelled { return }
    }

    /// Runs as one of several, in several processes: all of them send commands, and the one that leads reacts and lets deadlines
    /// pass. Returns when the task is cancelled.
    ///
    /// - Parameter election: Of this process manager alone, the same for all its runners; this one takes part as its member.
    /// - Throws: ``ProcessError``, when it cannot go on; ``ConsumerError`` when the lease can be neither read nor saved.
    public func run(electing election: LeaderElection) async throws {
        progress.begin()
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await self.sendCommands() }
                group.addTask {
                    try await election.run(as: self.member) {
                        try await withThrowingTaskGroup(of: Void.self) { group in
                            group.addTask { try await self.reactForEver() }
                            group.addTask { try await self.watchDeadlines() }
                            defer { group.cancelAll() }
                            try await group.next()
                        }
                    }
                }
                defer { group.cancelAll() }
                try await group.next()
            }
        } catch ProcessError.cancelled where Task.isCancelled {
            return
        } catch {
            progress.fail(.cancelled)
            throw error
        }
    }

    private func result(_ body: () async throws(ProcessError) -> Void) async -> Result<Void, ProcessError> {
        do throws(ProcessError) {
            try await body()
            return .success(())
        } catch {
            progress.fail(.cancelled)
            return .failure(error)
        }
    }

    /// Reacts to all inputs that are recorded now, without sending commands, and returns the position reached.
    @discardableResult
    public func react() async throws(ProcessError) -> Position {
        var place = try await startingPlace()
        while try await !step(&place) {}
        return place.reached
    }

    /// The state of a process, and the last event of its stream.
    public func state(of id: String) async throws(ProcessError) -> VersionedState<P.State> {
        let instance = try await fresh(try stream(of: id))
        return VersionedState(instance.state, version: instance.version)
    }

    /// The deadlines of a process that have neither passed nor been cancelled, by name.
    public func deadlines(of id: String) async throws(ProcessError) -> [String: Timestamp] {
        try await fresh(try stream(of: id)).deadlines.compactMapValues { Timestamp($0.at) }
    }

    func stream(of id: String) throws(ProcessError) -> StreamName {
        do { return try StreamName(category: P.category, id: id) } catch { throw .invalidID(error) }
    }

    /// A process as its stream is now.
    func fresh(_ stream: StreamName) async throws(ProcessError) -> ProcessInstance<P> {
        var instance = cache.take(stream) ?? ProcessInstance(stream)
        let control = instance.control
        var isFromMemory = instance.version != nil
        var before: StreamState?
        while true {
            let page: StreamPage
            do {
                page = try await log.readPage(
                    of: stream, from: instance.version.map { .version($0.next) } ?? .start, direction: .forward,
                    limit: 1000)
            } catch {
                throw ProcessError(error)
            }
            let isHidden = page.state.status != .live || page.state.retention != .unlimited
            let isChanged = before.map { $0.status != page.state.status || $0.retention != page.state.retention }
            if isFromMemory && isHidden || isChanged ?? false {
                // What is known of a stream is no longer true when it was deleted, or some of its events are hidden.
                (instance, isFromMemory, before) = (ProcessInstance(stream), false, nil)
                instance.control = control
                continue
            }
            before = page.state
            do { for event in page.events { try instance.apply(event, codecs) } } catch { throw .undecodable(error) }
            if page.isAtEnd {
                instance.found(page.state)
                break
            }
        }
        cache.put(instance, for: stream)
        return instance
    }
}
