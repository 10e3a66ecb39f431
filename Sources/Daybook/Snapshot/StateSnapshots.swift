import DaybookCore

/// Makes snapshots of a decider's states, and states of snapshots.
@usableFromInline
struct StateSnapshots<D: Decider>: Sendable {
    @usableFromInline let policy: SnapshotPolicy<D.Event>
    let store: any SnapshotStore
    let writer: SnapshotWriter
    /// Tells states of this fold and shape from all others.
    let schema: String
    /// What the keys of this decider's snapshots begin with.
    let keyPrefix: String
    private let encode: @Sendable (D.State, EventID) throws -> [UInt8]
    private let decode: @Sendable ([UInt8]) throws -> (state: D.State, event: EventID)

    init(_ policy: SnapshotPolicy<D.Event>, in store: any SnapshotStore) where D.State: Codable {
        self.policy = policy
        self.store = store
        writer = SnapshotWriter(store)
        keyPrefix = "\(StateShape.name(of: D.self)) "
        // What upcasters make of old events is part of the fold.
        let lifted = D.Event.upcasters.map { "\($0.type) \($0.schemaVersion)" }.sorted()
        let details = lifted + [SavedState<D.State>.form]
        schema = "\(D.foldVersion):\(StateShape.fingerprint(of: D.initialState, details: details))"
        encode = { try JSONBytesEncoder().encode(SavedState(event: $1, state: $0)) }
        decode = {
            let saved = try JSONBytesDecoder().decode(SavedState<D.State>.self, from: $0)
            return (saved.state, saved.event)
        }
    }

    /// Nil for a stream of which the name is too long: it has no snapshots.
    func key(of stream: StreamName) -> SnapshotKey? { try? SnapshotKey("\(keyPrefix)\(stream)") }

    /// The latest snapshot that this program understands. One that cannot be read is as good as none: the log has it all.
    ///
    /// - Returns: The state, and the identifier of the last event that it takes into account.
    func latest(of stream: StreamName) async -> (state: VersionedState<D.State>, event: EventID)? {
        guard let key = key(of: stream), let snapshot = try? await store.snapshot(for: key),
            snapshot.schema == schema, let saved = try? decode(snapshot.data)
        else { return nil }
        let state = VersionedState(saved.state, version: snapshot.version, position: snapshot.position)
        return (state, saved.event)
    }

    /// Saves a state soon, behind the back of whoever waits for a command.
    ///
    /// - Parameter event: The identifier of the last event that the state takes into account.
    /// - Returns: False when too many wait to be saved.
    func save(
        _ state: D.State, of stream: StreamName, version: StreamVersion, position: Position, event: EventID
    ) -> Bool {
        guard let key = key(of: stream) else { return true }
        let (schema, encode) = (schema, encode)
        return writer.offer(key) {
            Snapshot(key: key, version: version, position: position, schema: schema, data: try encode(state, event))
        }
    }

    /// Removes a snapshot that is not true of its stream: a store keeps the one of the highest version, and would not
    /// let another take its place.
    func discard(of stream: StreamName) async {
        if let key = key(of: stream) { try? await store.deleteSnapshot(for: key) }
    }
}

/// A state as a snapshot's bytes hold it. By the event, another log is told from the one that the state was made of.
private struct SavedState<State: Codable>: Codable {
    /// Tells these bytes from those of a state alone.
    static var form: String { "with its event" }

    /// The last one that the state takes into account.
    var event: EventID
    var state: State
}
