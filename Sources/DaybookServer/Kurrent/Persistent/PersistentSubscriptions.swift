#if Server
import DaybookCore
import DaybookProtocol
import Logging
import Synchronization

/// The groups of consumers of a server: what there is, in the log and running.
///
/// Changes are made one after another; each writes all groups into the log before it takes effect.
final class PersistentSubscriptions: Sendable {
    private struct State: Sendable {
        var drivers: [PersistentGroupName: PersistentGroupDriver] = [:]
        var stored = StoredGroups()
        /// The streams that have, or had, a group since the server started.
        var known: Set<StreamName> = []
    }

    private let log: KurrentLog
    private let signals: StreamSignals
    private let checkpoints: any CheckpointStore
    private let logger: Logger
    private let state = Mutex(State())
    private let changes = Turnstile()
    /// The drivers that ``run()`` is to run.
    private let starts: AsyncStream<PersistentGroupDriver>
    private let start: AsyncStream<PersistentGroupDriver>.Continuation

    /// How many streams it is remembered of that they had a group.
    private static let streamsKnown = 10_000

    private init(log: KurrentLog, signals: StreamSignals, checkpoints: any CheckpointStore, logger: Logger) {
        self.log = log
        self.signals = signals
        self.checkpoints = checkpoints
        self.logger = logger
        (starts, start) = AsyncStream.makeStream(of: PersistentGroupDriver.self)
    }

    /// The groups that the log tells of.
    static func open(
        log: KurrentLog, signals: StreamSignals, checkpoints: any CheckpointStore,
        logger: Logger = Logger(label: "daybook.server")
    ) async throws -> PersistentSubscriptions {
        let subscriptions = PersistentSubscriptions(
            log: log, signals: signals, checkpoints: checkpoints, logger: logger)
        try subscriptions.begin(try await StoredGroups.load(from: log))
        return subscriptions
    }

    /// Runs the groups, those that are made meanwhile, too, until the task is cancelled.
    func run() async {
        await withDiscardingTaskGroup { tasks in
            for await driver in starts { tasks.addTask { await driver.run() } }
        }
    }

    private func begin(_ stored: StoredGroups) throws {
        let drivers = try stored.groups.map { try driver(for: $0) }
        state.withLock { state in
            state.stored = stored
            state.drivers = [:]
            for driver in drivers {
                state.drivers[driver.name] = driver
                Self.remember(driver.name, in: &state)
            }
        }
        for driver in drivers { start.yield(driver) }
    }

    private func driver(for group: StoredGroups.Group) throws -> PersistentGroupDriver {
        PersistentGroupDriver(
            name: group.name, settings: group.settings, filter: try group.filter.map { try KurrentFilter($0) },
            log: log,
            signals: signals, checkpoints: checkpoints, logger: logger)
    }

    private static func remember(_ name: PersistentGroupName, in state: inout State) {
        if state.known.count >= streamsKnown { state.known.removeAll() }
        state.known.insert(StreamName(unchecked: name.stream))
    }

    // MARK: - What there is

    /// The group of this stream. One of another stream whose name, with the group's, is the same text is another's: who may read
    /// `a::b` may not read `a` by a group `b::g` of that.
    func group(_ name: PersistentGroupName) throws(RPCStatus) -> PersistentGroupDriver {
        guard let driver = state.withLock({ $0.drivers[name] }), driver.name.stream.hasSameBytes(as: name.stream) else {
            throw .groupMissing(name)
        }
        return driver
    }

    /// The groups, in the order of their names; those of one stream, or of all.
    ///
    /// - Returns: Nil when the stream has never had a group, as far as is remembered.
    func groups(of stream: String?) -> [PersistentGroupDriver]? {
        state.withLock { state in
            if let stream {
                let isKnown =
                    state.known.contains(StreamName(unchecked: stream))
                    || state.drivers.keys.contains { $0.stream.hasSameBytes(as: stream) }
                guard isKnown else { return nil }
            }
            return state.drivers.values
                .filter { driver in stream.map { driver.name.stream.hasSameBytes(as: $0) } ?? true }
                .sorted { $0.name.id.utf8.lexicographicallyPrecedes($1.name.id.utf8) }
        }
    }

    // MARK: - Changes

    func create(
        _ name: PersistentGroupName, settings: PersistentSettings, filter: KurrentFilter.Definition?
    ) async throws {
        try await changes.pass { [self] in
            guard state.withLock({ $0.drivers[name] == nil }) else { throw RPCStatus.groupExists(name) }
            let group = StoredGroups.Group(
                stream: name.stream, group: name.group, settings: try await settled(settings, of: name), filter: filter)
            let driver = try driver(for: group)
            var stored = state.withLock(\.stored)
            stored.groups.append(group)
            // A server that ended while it deleted a group of this name may have left one.
            try await requireKnown(changing: name)
            try await deleteCheckpoint(of: name)
            stored.expected = try await save(stored, changing: name)
            state.withLock { [stored] state in
                state.stored = stored
                state.drivers[name] = driver
                Self.remember(name, in: &state)
            }
            start.yield(driver)
        }
    }

    /// Replaces the settings of a group, but for its filter; its clients are dropped, and it goes on behind its checkpoint.
    func update(_ name: PersistentGroupName, settings: PersistentSettings) async throws {
        try await replaceSettings(of: name) { [self] _ in try await settled(settings, of: name) }
    }

    /// The same of some of the settings; the others stay as they are, and with them where the group begins.
    func change(_ name: PersistentGroupName, by change: GroupChange) async throws {
        try await replaceSettings(of: name) { [self] settings in
            let changed = try settings.changed(by: change, of: name)
            guard change.start != nil else { return changed }
            return try await settled(changed, of: name)
        }
    }

    private func replaceSettings(
        of name: PersistentGroupName,
        by edit: @escaping @Sendable (PersistentSettings) async throws -> PersistentSettings
    ) async throws {
        try await changes.pass { [self] in
            let old = try group(name)
            var stored = state.withLock(\.stored)
            guard let index = stored.groups.firstIndex(where: { $0.name == name }) else {
                throw RPCStatus.groupMissing(name)
            }
            stored.groups[index].settings = try await edit(stored.groups[index].settings)
            let driver = try driver(for: stored.groups[index])
            stored.expected = try await save(stored, changing: name)
            try await old.stop()
            state.withLock { [stored] state in
                state.stored = stored
                state.drivers[name] = driver
            }
            start.yield(driver)
        }
    }

    /// Deletes a group, its checkpoint, and what it had parked.
    func delete(_ name: PersistentGroupName) async throws {
        try await changes.pass { [self] in
            if name.isStorable, state.withLock({ $0.drivers[name] == nil }) {
                // A deletion that was not finished may have left one, at which scavenging would stop for good.
                try await requireKnown(changing: name)
                try await deleteCheckpoint(of: name)
            }
            let old = try group(name)
            var stored = state.withLock(\.stored)
            stored.groups.removeAll { $0.name == name }
            stored.expected = try await save(stored, changing: name)
            state.withLock { [stored] state in
                state.stored = stored
                state.drivers[name] = nil
            }
            try await old.stop()
            try await deleteCheckpoint(of: name)
            do {
                try await old.parkedStream.delete()
            } catch let failure as KurrentFailure {
                throw GroupStorageError(
                    name, "Its parked messages could not be deleted: \(RPCStatus(failure).message)")
            }
        }
    }

    /// Drops all clients, and begins anew with what the log and the checkpoints tell.
    func restart() async throws {
        try await changes.pass { [self] in
            let stored = try await StoredGroups.load(from: log)
            for driver in state.withLock({ Array($0.drivers.values) }) { try await driver.stop() }
            try begin(stored)
        }
    }

    /// The settings with what is known only now: where the log ends. They are refused when they begin behind it.
    private func settled(
        _ settings: PersistentSettings, of name: PersistentGroupName
    ) async throws -> PersistentSettings {
        guard name.isStorable, name.isAll || (try? log.source(of: name.stream)) != nil else {
            throw RPCStatus.groupFailed(
                name, "Bad stream or group name: together they have at most \(Limits.nameBytes - 43) bytes.")
        }
        let head = try await StreamsService.status { try await log.store.head() }
        var settings = settings
        switch settings.start {
        case .end: settings.start = .end(after: head.rawValue)
        case .at(let position) where name.isAll && position > head.rawValue:
            throw RPCStatus.groupFailed(name, "The start position \(position) is beyond the end of $all.")
        case .at, .start: break
        }
        return settings
    }

    /// Looks whether the groups are still those that are known, before a checkpoint is taken away: it may be that of a group that
    /// another server has made.
    private func requireKnown(changing name: PersistentGroupName) async throws {
        let expected = state.withLock(\.stored.expected)
        let stored = try await StreamsService.status { try await StoredGroups.load(from: log) }
        guard stored.expected == expected else { throw Self.changedElsewhere(name) }
    }

    private static func changedElsewhere(_ name: PersistentGroupName) -> RPCStatus {
        .groupFailed(
            name,
            "Another server has changed the groups, or a change before has of which nobody knew: restart the persistent "
                + "subscriptions, and try again.")
    }

    /// - Returns: What is to be expected next of the stream that tells them.
    private func save(
        _ stored: StoredGroups, changing name: PersistentGroupName
    ) async throws -> KurrentExpectation {
        do {
            return try await stored.save(to: log)
        } catch KurrentFailure.wrongExpectedVersion {
            throw Self.changedElsewhere(name)
        } catch let failure as KurrentFailure {
            let reason = "The groups could not be saved: \(RPCStatus(failure).message)"
            switch failure {
            case .doubtful, .unavailable, .cancelled: throw GroupStorageError(name, reason)
            default: throw RPCStatus.groupFailed(name, reason)
            }
        }
    }

    private func deleteCheckpoint(of name: PersistentGroupName) async throws {
        do {
            try await checkpoints.deleteCheckpoint(for: name.checkpoint)
        } catch {
            throw GroupStorageError(name, "Its checkpoint could not be deleted: \(error)")
        }
    }
}
#endif
