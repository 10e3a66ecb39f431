#if Server
import DaybookCore
import Logging
import Synchronization

/// Runs a group: reads the log when the group has room, tells it the time, writes what it parks and how far it is, and wakes
/// those who send to its clients.
///
/// The group's state is behind one lock, which is held for moments only, and never across a wait.
final class PersistentGroupDriver: Sendable {
    private enum Phase: Sendable {
        case idle
        case running
        /// Asked to end; `hasEnded` when nothing of it runs any more.
        case stopped(hasEnded: Bool)
    }

    private struct State: Sendable {
        var group: PersistentGroup
        var phase = Phase.idle
        var wakeups: [GroupClient.ID: Wakeup] = [:]
        var isReading = false
    }

    let name: PersistentGroupName
    let settings: PersistentSettings
    let filter: KurrentFilter?
    let log: KurrentLog
    let parkedStream: ParkedStream
    let signals: StreamSignals
    let checkpoints: any CheckpointStore
    let logger: Logger

    private let state: Mutex<State>
    /// Signalled when the reader of the log, that of parked events, and the writer may have something to do.
    let reading = Wakeup()
    let replaying = Wakeup()
    let writing = Wakeup()
    private let stopping = Wakeup()
    private let ended = Wakeup()

    /// How long it takes until what failed is tried again, and until the time is looked at again.
    static let second = Duration.seconds(1)

    init(
        name: PersistentGroupName, settings: PersistentSettings, filter: KurrentFilter?, log: KurrentLog,
        signals: StreamSignals, checkpoints: any CheckpointStore, logger: Logger
    ) {
        self.name = name
        self.settings = settings
        self.filter = filter
        self.log = log
        parkedStream = ParkedStream(log: log, group: name)
        self.signals = signals
        self.checkpoints = checkpoints
        self.logger = logger
        state = Mutex(State(group: PersistentGroup(settings: settings, now: .now)))
    }

    // MARK: - Running

    /// Runs the group until it is stopped or the task is cancelled. To be called once.
    func run() async {
        let isBegun = state.withLock { state -> Bool in
            guard case .idle = state.phase else { return false }
            state.phase = .running
            return true
        }
        guard isBegun else { return }
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await self.read() }
            tasks.addTask { await self.readParked() }
            tasks.addTask { await self.write() }
            tasks.addTask { await self.tick() }
            try? await stopping.wait(beyond: 0)
            tasks.cancelAll()
        }
        // When the server ends, its listener ends the calls, with a status that says so.
        state.withLock { $0.phase = .stopped(hasEnded: true) }
        ended.signal()
    }

    /// Drops the clients, and returns when nothing of the group runs any more, so that it writes nothing either.
    func stop() async throws {
        let hasEnded = state.withLock { state -> Bool in
            switch state.phase {
            case .idle:
                state.phase = .stopped(hasEnded: true)
                return true
            case .running:
                state.phase = .stopped(hasEnded: false)
                return false
            case .stopped(let hasEnded): return hasEnded
            }
        }
        change { $0.disconnectAll() }
        guard !hasEnded else { return }
        stopping.signal()
        try await ended.wait(beyond: 0)
    }

    private func tick() async {
        while (try? await Task.sleep(for: Self.second)) != nil {
            change { $0.tick(now: .now) }
        }
    }

    /// Changes the group, gives its clients what there is for them, and wakes whoever has something to do now.
    @discardableResult
    func change<T: Sendable>(_ body: (inout PersistentGroup) -> T) -> T {
        let (result, woken, wantsEvents, wantsParked, wantsWriting) = state.withLock { state in
            let result = body(&state.group)
            state.group.deliver(now: .now)
            let touched = state.group.takeTouched()
            return (
                result, touched.compactMap { state.wakeups[$0] }, state.group.wantedEvents > 0,
                state.group.wantedParkedEvents > 0, state.group.wantsWriting
            )
        }
        for wakeup in woken { wakeup.signal() }
        if wantsEvents { reading.signal() }
        if wantsParked { replaying.signal() }
        if wantsWriting { writing.signal() }
        return result
    }

    /// Looks at the group.
    func look<T: Sendable>(_ body: (PersistentGroup) -> T) -> T { state.withLock { body($0.group) } }

    func setReading(_ isReading: Bool) { state.withLock { $0.isReading = isReading } }

    var isReading: Bool { state.withLock(\.isReading) }

    // MARK: - Clients

    /// - Throws: ``RPCStatus`` when there are as many clients as may be, or the group has been stopped.
    func connect(name client: String, user: String, bufferSize: Int) throws(RPCStatus) -> GroupClient.ID {
        let result = state.withLock { state -> Result<GroupClient.ID, RPCStatus> in
            if case .stopped = state.phase { return .failure(.groupDropped(name)) }
            guard
                let id = state.group.connect(name: client, user: user, bufferSize: bufferSize, now: .now)
            else { return .failure(.groupFull(name)) }
            state.wakeups[id] = Wakeup()
            return .success(id)
        }
        let id = try result.get()
        change { _ in }
        return id
    }

    func disconnect(_ client: GroupClient.ID) {
        change { $0.disconnect(client) }
        _ = state.withLock { $0.wakeups.removeValue(forKey: client) }
    }

    /// What is to be sent to a client next: waits until there is something.
    ///
    /// - Throws: ``RPCStatus`` when the client was dropped, `CancellationError` when the task was cancelled.
    func outgoing(for client: GroupClient.ID, atMost count: Int) async throws -> [GroupEvent] {
        while true {
            guard let wakeup = state.withLock({ $0.wakeups[client] }) else { throw RPCStatus.groupDropped(name) }
            let seen = wakeup.count
            guard let events = change({ $0.takeOutgoing(for: client, atMost: count) }) else {
                throw RPCStatus.groupDropped(name)
            }
            guard events.isEmpty else { return events }
            try await wakeup.wait(beyond: seen)
        }
    }

    /// Drops all clients because the group cannot go on now.
    func dropClients() { change { $0.disconnectAll() } }

    // MARK: - Parked events

    /// Delivers parked events again, from the first one that can be seen.
    ///
    /// - Parameter stop: The first revision among them that is to stay; nil for none.
    func replayParked(until stop: Int64?) async throws {
        let bounds = try await StreamsService.status { try await parkedStream.bounds() }
        let isBegun = change { $0.beginReplay(from: bounds.lowerBound, to: min(stop ?? .max, bounds.upperBound)) }
        guard isBegun else { throw RPCStatus.groupFailed(name, "Parked messages are being replayed already.") }
    }

    func truncateParked(until stop: Int64?) async throws {
        try await StreamsService.status { try await parkedStream.truncate(before: stop ?? .max) }
    }
}

extension PersistentGroup {
    /// Whether there is something that the log, or the store of checkpoints, should be given.
    var wantsWriting: Bool { !parking.isEmpty || progress.due != nil || parkedTruncation != nil }
}
#endif
