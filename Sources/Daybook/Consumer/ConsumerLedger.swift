import DaybookCore

/// The state of a consumer group as documents: changed in one transaction, by compare-and-set of their revision.
///
/// The revision is the read model's checkpoint, which stands for no position here. The document `group` holds members
/// and window, `held/` and a key what is held of it, `skipped/` and a position what was skipped.
///
/// Used by one task at a time.
final class ConsumerLedger {
    private struct Group: Codable {
        var lastToken: Int64
        var members: [ConsumerGroupState.Member]
        var scanned: Position
        var window: [ConsumerGroupState.Entry]
    }

    private static let groupKey = ConsumerPosition.groupDocument
    private static let heldPrefix = ConsumerPosition.heldPrefix
    private static let skippedPrefix = "skipped/"

    private let name: ConsumerGroupName
    private let models: any ReadModelStore
    private let start: Position
    private let encoder = JSONBytesEncoder()
    private let decoder = JSONBytesDecoder()
    private var revision: Position?
    private(set) var state: ConsumerGroupState
    /// The documents that were found under their former names, by the bare key.
    private var formerDocuments: [ConsumerKey: String] = [:]

    init(_ name: ConsumerGroupName, in models: any ReadModelStore, startingAfter start: Position) {
        self.name = name
        self.models = models
        self.start = start
        state = ConsumerGroupState(after: start)
    }

    /// Brings the state up to date, when another has changed it.
    func refresh() async throws(ConsumerError) {
        do {
            // Read before the documents: a change in between makes the next commit fail, so no torn state is saved.
            let (name, models) = (name, models)
            let current = try await Self.uncancelled { try await models.checkpoint(of: name.model) }
            guard current != revision else { return }
            revision = nil
            state = try await load()
            revision = current
        } catch let error as DerivedStateError {
            throw ConsumerError(error)
        } catch let error as ConsumerError {
            throw error
        } catch {
            throw .store(.storageFailed(reason: String(describing: error)))
        }
    }

    /// Whether another has changed the state since it was read.
    func isStale() async throws(ConsumerError) -> Bool {
        do { return try await models.checkpoint(of: name.model) != revision } catch { throw ConsumerError(error) }
    }

    /// Applies inputs to the newest state, as a whole or not at all, and saves it.
    ///
    /// - Returns: The actions, which may be carried out now.
    func apply(
        at now: () -> Timestamp, _ policy: ConsumerPolicy, _ inputs: [ConsumerInput]
    ) async throws(ConsumerError) -> [ConsumerAction] {
        while true {
            if revision == nil { try await refresh() }
            guard let revision else { continue }
            var next = state
            var actions: [ConsumerAction] = []
            do throws(ConsumerRefusal) {
                let time = now()
                for input in inputs { actions += try next.apply(input, at: time, policy) }
            } catch {
                // Another may have changed what the refusal rests on.
                let tried = revision
                try await refresh()
                if self.revision == tried { throw .refused(error) }
                continue
            }
            guard next != state else { return actions }
            let batch = DocumentBatch(
                model: name.model, changes: try changes(to: next, actions), previous: revision,
                checkpoint: revision.next)
            self.revision = nil
            guard try await commit(batch) else { continue }
            state = next
            formerDocuments = [:]
            self.revision = revision.next
            return actions
        }
    }

    func skipped(after position: Position?, limit: Int) async throws(ConsumerError) -> [SkippedEvent] {
        let after = position.map(Self.key(ofSkipped:)) ?? Self.skippedPrefix
        let page: [(key: String, data: [UInt8])]
        do { page = try await models.documents(of: name.model, after: after, limit: limit) } catch {
            throw ConsumerError(error)
        }
        var events: [SkippedEvent] = []
        for entry in page where entry.key.utf8.starts(with: Self.skippedPrefix.utf8) {
            events.append(try decode(SkippedEvent.self, entry.data, entry.key))
        }
        return events
    }

    /// Whether the batch was saved; false when another was first.
    private func commit(_ batch: DocumentBatch) async throws(ConsumerError) -> Bool {
        let models = models
        do {
            try await Self.uncancelled { try await models.commit(batch) }
            return true
        } catch let error as DerivedStateError {
            if case .checkpointMoved = error { return false }
            throw ConsumerError(error)
        } catch {
            throw .store(.storageFailed(reason: String(describing: error)))
        }
    }

    /// Goes through to the end although the task is cancelled: a member that leaves saves what its handlers did.
    private static func uncancelled<Value: Sendable>(
        _ work: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await Task { try await work() }.value
    }

    private func load() async throws -> ConsumerGroupState {
        let (name, models) = (name, models)
        var state = ConsumerGroupState(after: start)
        formerDocuments = [:]
        let stored = try await Self.uncancelled { try await models.document(Self.groupKey, of: name.model) }
        guard let data = stored else { return state }
        let group = try decode(Group.self, data, Self.groupKey)
        state.lastToken = group.lastToken
        for member in group.members { state.members[member.token] = member }
        state.scanned = group.scanned
        state.window = group.window
        var after = Self.heldPrefix
        while true {
            let last = after
            let page = try await Self.uncancelled {
                try await models.documents(of: name.model, after: last, limit: 500)
            }
            for entry in page {
                guard entry.key.utf8.starts(with: Self.heldPrefix.utf8) else { return state }
                let stopped = try decode(ConsumerGroupState.HeldKey.self, entry.data, entry.key)
                guard let first = stopped.events.first else {
                    throw ConsumerError.unreadableState(group: name, document: entry.key, reason: "It holds no event.")
                }
                state.held[first.key] = stopped
                if entry.key != Self.document(ofHeld: first.key) { formerDocuments[first.key] = entry.key }
            }
            guard page.count == 500, let last = page.last else { return state }
            after = last.key
        }
    }

    private func changes(
        to next: ConsumerGroupState, _ actions: [ConsumerAction]
    ) throws(ConsumerError) -> [String: [UInt8]?] {
        var changes: [String: [UInt8]?] = [:]
        let group = Group(
            lastToken: next.lastToken, members: next.members.values.sorted { $0.token < $1.token },
            scanned: next.scanned, window: next.window)
        changes[Self.groupKey] = try encode(group, Self.groupKey)
        // The bare key may spell the name of another key's document: what was found there goes before others come.
        for former in formerDocuments.values { changes.updateValue(nil, forKey: former) }
        for key in state.held.keys where next.held[key] == nil {
            changes.updateValue(nil, forKey: Self.document(ofHeld: key))
        }
        for (key, stopped) in next.held where state.held[key] != stopped || formerDocuments[key] != nil {
            let name = Self.document(ofHeld: key)
            changes[name] = try encode(stopped, name)
        }
        for case .skipped(let event) in actions {
            let name = Self.key(ofSkipped: event.position)
            changes[name] = try encode(event, name)
        }
        return changes
    }

    /// Names what is held of a key by its bytes, those beyond ASCII as `%C3%A9`: two keys that are equal as texts, and not
    /// in their bytes, are two keys.
    private static func document(ofHeld key: ConsumerKey) -> String {
        var name = heldPrefix
        for byte in key.rawValue.utf8 {
            if byte < 0x80, byte != UInt8(ascii: "%") {
                name.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                name += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return name
    }

    /// Keys in the order of positions.
    private static func key(ofSkipped position: Position) -> String {
        let digits = String(max(0, position.rawValue))
        return skippedPrefix + String(repeating: "0", count: max(0, 19 - digits.count)) + digits
    }

    private func encode(_ value: some Encodable, _ key: String) throws(ConsumerError) -> [UInt8] {
        do { return try encoder.encode(value) } catch {
            throw .unreadableState(group: name, document: key, reason: CodingReason.text(of: error))
        }
    }

    private func decode<Value: Decodable>(
        _ type: Value.Type, _ data: [UInt8], _ key: String
    ) throws(ConsumerError) -> Value {
        do { return try decoder.decode(type, from: data) } catch {
            throw .unreadableState(group: name, document: key, reason: CodingReason.text(of: error))
        }
    }
}
