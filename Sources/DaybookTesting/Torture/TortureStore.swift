import DaybookCore
import Synchronization

/// A store in front of another, as one start of a system under ``SystemTorture`` sees it.
///
/// Once the system has crashed, this and every later call throws, as if the store had gone: `storageFailed` with
/// ``crashReason``. The next start has another one, over the same store behind.
public final class TortureStore: EventStore, ReadModelStore, SnapshotStore, CheckpointStore {
    /// The store behind: it keeps what outlives a crash.
    public typealias Base = EventStore & ReadModelStore & SnapshotStore & CheckpointStore

    /// What the errors of a store say after a crash.
    public static let crashReason = "a torture test crashed the system here"

    private let base: any Base
    private let run: TortureRun
    private let dead = Atomic(false)
    /// Says that something has changed, or that the system has crashed; one signal may stand for several.
    let signals: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init(_ base: any Base, _ run: TortureRun) {
        self.base = base
        self.run = run
        (signals, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        continuation.yield()
    }

    var hasCrashed: Bool { dead.load(ordering: .acquiring) }

    // MARK: Faults

    private struct Crash: Error {}

    private func crash() -> Crash {
        dead.store(true, ordering: .releasing)
        continuation.yield()
        return Crash()
    }

    /// Begins a call of any kind.
    private func begin(_ what: () -> String) async throws(Crash) {
        guard !hasCrashed else { throw Crash() }
        guard let turns = run.beginCall(what) else { throw crash() }
        for _ in 0..<turns { await Task.yield() }
        // Meanwhile another call may have crashed the system.
        guard !hasCrashed else { throw Crash() }
    }

    private func read<Value, Failure: Error>(
        _ what: @autoclosure () -> String, _ failure: (String) -> Failure, _ body: () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        do throws(Crash) { try await begin(what) } catch { throw failure(Self.crashReason) }
        let value = try await body()
        guard !hasCrashed else { throw failure(Self.crashReason) }
        return value
    }

    private func change<Value, Failure: Error>(
        _ what: @autoclosure () -> String, append request: AppendRequest? = nil, _ failure: (String) -> Failure,
        _ body: () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let number: Int
        do throws(Crash) {
            try await begin(what)
            number = run.beginChange()
            if run.takes(.crashBefore(change: number), what) { throw crash() }
        } catch {
            throw failure(Self.crashReason)
        }
        let value = try await body()
        let repeats = run.endChange(number, request)
        let isCrash = run.takes(.crashAfter(change: number), what)
        if isCrash { _ = crash() }
        for request in repeats {
            // Nobody waits for the reply to a request that was sent twice, and the store may well refuse it.
            _ = try? await base.append(request)
        }
        continuation.yield()
        guard !hasCrashed else { throw failure(Self.crashReason) }
        return value
    }

    // MARK: Events

    private static func appendError(_ reason: String) -> AppendError {
        .storageFailed(reason: reason, mayBeWritten: true)
    }

    private static func readError(_ reason: String) -> ReadError { .storageFailed(reason: reason) }

    private static func derivedError(_ reason: String) -> DerivedStateError { .storageFailed(reason: reason) }

    @discardableResult
    public func append(_ request: AppendRequest) async throws(AppendError) -> AppendResult {
        try await change(request.summary, append: request, Self.appendError) { () throws(AppendError) in
            try await base.append(request)
        }
    }

    public func readPage(
        of stream: StreamName, from cursor: StreamCursor, direction: ReadDirection, limit: Int
    ) async throws(ReadError) -> StreamPage {
        try await read("read of '\(stream)'", Self.readError) { () throws(ReadError) in
            try await base.readPage(of: stream, from: cursor, direction: direction, limit: limit)
        }
    }

    public func readPage(
        from cursor: LogCursor, direction: ReadDirection, filter: EventFilter, limit: Int
    ) async throws(ReadError) -> LogPage {
        try await read("read of the log", Self.readError) { () throws(ReadError) in
            try await base.readPage(from: cursor, direction: direction, filter: filter, limit: limit)
        }
    }

    public func state(of stream: StreamName) async throws(ReadError) -> StreamState {
        try await read("state of '\(stream)'", Self.readError) { () throws(ReadError) in
            try await base.state(of: stream)
        }
    }

    public func streams(after: StreamName?, limit: Int) async throws(ReadError) -> [StreamName] {
        try await read("names of streams", Self.readError) { () throws(ReadError) in
            try await base.streams(after: after, limit: limit)
        }
    }

    public func receipt(for command: CommandID) async throws(ReadError) -> AppendResult? {
        try await read("receipt of command '\(command)'", Self.readError) { () throws(ReadError) in
            try await base.receipt(for: command)
        }
    }

    public func head() async throws(ReadError) -> Position {
        try await read("head of the log", Self.readError) { () throws(ReadError) in try await base.head() }
    }

    public func head(beyond position: Position) async throws(ReadError) -> Position {
        try await read("head of the log beyond \(position)", Self.readError) { () throws(ReadError) in
            try await base.head(beyond: position)
        }
    }

    // MARK: Read models

    public func checkpoint(of model: ReadModelName) async throws(DerivedStateError) -> Position {
        try await read("checkpoint of '\(model)'", Self.derivedError) { () throws(DerivedStateError) in
            try await base.checkpoint(of: model)
        }
    }

    public func commit(_ batch: DocumentBatch) async throws(DerivedStateError) {
        try await change(
            "commit of \(batch.changes.count) documents of '\(batch.model)' at \(batch.checkpoint)", Self.derivedError
        ) { () throws(DerivedStateError) in
            try await base.commit(batch)
        }
    }

    public func document(_ key: String, of model: ReadModelName) async throws(DerivedStateError) -> [UInt8]? {
        try await read("document '\(key)' of '\(model)'", Self.derivedError) { () throws(DerivedStateError) in
            try await base.document(key, of: model)
        }
    }

    public func documents(
        _ keys: [String], of model: ReadModelName
    ) async throws(DerivedStateError) -> [String: [UInt8]] {
        try await read("\(keys.count) documents of '\(model)'", Self.derivedError) { () throws(DerivedStateError) in
            try await base.documents(keys, of: model)
        }
    }

    public func documents(
        of model: ReadModelName, after key: String?, limit: Int
    ) async throws(DerivedStateError) -> [(key: String, data: [UInt8])] {
        try await read("documents of '\(model)'", Self.derivedError) { () throws(DerivedStateError) in
            try await base.documents(of: model, after: key, limit: limit)
        }
    }

    public func deleteReadModel(_ model: ReadModelName) async throws(DerivedStateError) {
        try await change("deletion of '\(model)'", Self.derivedError) { () throws(DerivedStateError) in
            try await base.deleteReadModel(model)
        }
    }

    // MARK: Snapshots and checkpoints

    public func snapshot(for key: SnapshotKey) async throws(DerivedStateError) -> Snapshot? {
        try await read("snapshot '\(key)'", Self.derivedError) { () throws(DerivedStateError) in
            try await base.snapshot(for: key)
        }
    }

    public func save(_ snapshot: Snapshot) async throws(DerivedStateError) {
        try await change("snapshot '\(snapshot.key)' at \(snapshot.version)", Self.derivedError) {
            () throws(DerivedStateError) in
            try await base.save(snapshot)
        }
    }

    public func deleteSnapshot(for key: SnapshotKey) async throws(DerivedStateError) {
        try await change("deletion of snapshot '\(key)'", Self.derivedError) { () throws(DerivedStateError) in
            try await base.deleteSnapshot(for: key)
        }
    }

    @discardableResult
    public func deleteSnapshots(
        keyPrefix prefix: String, exceptSchema schema: String?
    ) async throws(DerivedStateError) -> Int {
        try await change("deletion of the snapshots of '\(prefix)'", Self.derivedError) {
            () throws(DerivedStateError) in
            try await base.deleteSnapshots(keyPrefix: prefix, exceptSchema: schema)
        }
    }

    public func checkpoint(for name: CheckpointName) async throws(DerivedStateError) -> Checkpoint? {
        try await read("checkpoint '\(name)'", Self.derivedError) { () throws(DerivedStateError) in
            try await base.checkpoint(for: name)
        }
    }

    public func save(_ checkpoint: Checkpoint, for name: CheckpointName) async throws(DerivedStateError) {
        try await change("checkpoint '\(name)' at \(checkpoint.position)", Self.derivedError) {
            () throws(DerivedStateError) in
            try await base.save(checkpoint, for: name)
        }
    }

    public func deleteCheckpoint(for name: CheckpointName) async throws(DerivedStateError) {
        try await change("deletion of checkpoint '\(name)'", Self.derivedError) { () throws(DerivedStateError) in
            try await base.deleteCheckpoint(for: name)
        }
    }
}

extension AppendRequest {
    /// What is written where.
    var summary: String {
        let parts = writes.map { write in
            switch write.action {
            case .append(let events): "\(events.map(\.type.rawValue).joined(separator: ", ")) in '\(write.stream)'"
            case .setRetention: "retention of '\(write.stream)'"
            case .delete: "deletion of '\(write.stream)'"
            case .tombstone: "tombstone of '\(write.stream)'"
            }
        }
        return "append of \(parts.joined(separator: "; "))"
    }
}
