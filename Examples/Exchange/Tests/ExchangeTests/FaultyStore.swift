import DaybookCore
import DaybookTesting
import Synchronization

/// A store in front of another that fails now and then, before or after it has done what it was asked: each failure as if
/// the process had died there.
final class FaultyStore: EventStore, ReadModelStore {
    private let base: any EventStore & ReadModelStore
    private let state: Mutex<(random: SplitMix64, faults: Int)>

    /// - Parameter faults: How often it fails at most.
    init(_ base: any EventStore & ReadModelStore, seed: UInt64, faults: Int) {
        self.base = base
        state = Mutex((SplitMix64(seed: seed), faults))
    }

    /// How many faults are still to come.
    var faultsLeft: Int { state.withLock(\.faults) }

    private func isFaulty() -> Bool {
        state.withLock { state in
            guard state.faults > 0, state.random.oneIn(8) else { return false }
            state.faults -= 1
            return true
        }
    }

    func append(_ request: AppendRequest) async throws(AppendError) -> AppendResult {
        if isFaulty() { throw .storageFailed(reason: "a test, before", mayBeWritten: false) }
        let result = try await base.append(request)
        if isFaulty() { throw .storageFailed(reason: "a test, after", mayBeWritten: true) }
        return result
    }

    func commit(_ batch: DocumentBatch) async throws(DerivedStateError) {
        if isFaulty() { throw .storageFailed(reason: "a test, before") }
        try await base.commit(batch)
        if isFaulty() { throw .storageFailed(reason: "a test, after") }
    }

    func readPage(
        of stream: StreamName, from cursor: StreamCursor, direction: ReadDirection, limit: Int
    ) async throws(ReadError) -> StreamPage {
        try await base.readPage(of: stream, from: cursor, direction: direction, limit: limit)
    }

    func readPage(
        from cursor: LogCursor, direction: ReadDirection, filter: EventFilter, limit: Int
    ) async throws(ReadError) -> LogPage {
        try await base.readPage(from: cursor, direction: direction, filter: filter, limit: limit)
    }

    func state(of stream: StreamName) async throws(ReadError) -> StreamState { try await base.state(of: stream) }

    func streams(after: StreamName?, limit: Int) async throws(ReadError) -> [StreamName] {
        try await base.streams(after: after, limit: limit)
    }

    func receipt(for command: CommandID) async throws(ReadError) -> AppendResult? {
        try await base.receipt(for: command)
    }

    func head() async throws(ReadError) -> Position { try await base.head() }

    func head(beyond position: Position) async throws(ReadError) -> Position {
        try await base.head(beyond: position)
    }

    func checkpoint(of model: ReadModelName) async throws(DerivedStateError) -> Position {
        try await base.checkpoint(of: model)
    }

    func document(_ key: String, of model: ReadModelName) async throws(DerivedStateError) -> [UInt8]? {
        try await base.document(key, of: model)
    }

    func documents(_ keys: [String], of model: ReadModelName) async throws(DerivedStateError) -> [String: [UInt8]] {
        try await base.documents(keys, of: model)
    }

    func documents(
        of model: ReadModelName, after key: String?, limit: Int
    ) async throws(DerivedStateError) -> [(key: String, data: [UInt8])] {
        try await base.documents(of: model, after: key, limit: limit)
    }

    func deleteReadModel(_ model: ReadModelName) async throws(DerivedStateError) {
        try await base.deleteReadModel(model)
    }
}
