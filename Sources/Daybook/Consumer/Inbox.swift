import DaybookCore

/// Makes a handler's effect happen once, however often an event is delivered: the handler's documents and the note
/// that it has taken the event are saved in one transaction.
///
/// ```swift
/// let inbox = Inbox("totals", model: "totals", in: store)
/// try await group.run { delivery in
///     try await inbox.once(delivery) { documents in
///         let total = try await documents.document("total").map(decode) ?? 0
///         try documents.set(encode(total + 1), for: "total")
///     }
/// }
/// ```
///
/// The read model is the handlers' own: no projection may run on it. A document of it says so to whoever looks at all read
/// models. Handlers that share one wait for each other's transactions, so that many keys at once gain little; give each handler
/// a model.
public struct Inbox: Sendable {
    public let handler: InboxHandlerName
    public let model: ReadModelName
    private let models: any ReadModelStore

    public init(_ handler: InboxHandlerName, model: ReadModelName, in models: any ReadModelStore) {
        self.handler = handler
        self.model = model
        self.models = models
    }

    /// Takes a delivery, unless the handler has taken its event before.
    ///
    /// - Parameter change: May run several times, when others change the model meanwhile; what it does beside the
    ///   documents is not part of the transaction.
    /// - Returns: Whether the change was made now.
    /// - Throws: What `change` throws, with nothing saved. ``InboxError/fenced(key:fence:latest:)`` when a later
    ///   delivery of the key has been taken.
    @discardableResult
    public func once<Event>(
        _ delivery: ConsumerDelivery<Event>, _ change: (inout InboxDocuments) async throws -> Void
    ) async throws -> Bool {
        try await once(
            key("event", "\(delivery.recorded.id)"), note: delivery.recorded.position.rawValue,
            fence: (delivery.key, delivery.fence), change)
    }

    /// Takes an event that no consumer group delivers, unless the handler has taken it before.
    @discardableResult
    public func once(
        _ event: RecordedEvent, _ change: (inout InboxDocuments) async throws -> Void
    ) async throws -> Bool {
        try await once(key("event", "\(event.id)"), note: event.position.rawValue, fence: nil, change)
    }

    /// Takes an event that another system gave, unless the handler has taken it before.
    ///
    /// - Parameter now: When it was received, for ``forget(receivedBefore:)``.
    @discardableResult
    public func once(
        _ event: CloudEvent, at now: Timestamp = TimeSource.system.now,
        _ change: (inout InboxDocuments) async throws -> Void
    ) async throws -> Bool {
        try await once(key("received", Self.name(of: event)), note: now.microseconds, fence: nil, change)
    }

    /// Its source and identifier. Stores bound the keys of documents, and a long name is encoded: no short one is the same, since
    /// all have a space.
    private static func name(of event: CloudEvent) -> String {
        let name = "\(event.source.utf8.count) \(event.source) \(event.id)"
        return name.utf8.count > 200 ? MessageKey(name).encoded : name
    }

    /// Forgets the events of other systems that were received before a moment. One that comes again later than that is taken
    /// again.
    ///
    /// - Returns: How many entries were removed.
    /// - Complexity: O(entries), a page at a time.
    @discardableResult
    public func forget(receivedBefore moment: Timestamp) async throws(InboxError) -> Int {
        try await forget("received") { $0 < moment.microseconds }
    }

    /// Forgets the events up to a position that will not be delivered again: ``ConsumerGroupStatus/settled``.
    ///
    /// - Returns: How many entries were removed.
    /// - Complexity: O(entries), a page at a time.
    @discardableResult
    public func forget(through position: Position) async throws(InboxError) -> Int {
        try await forget("event") { $0 <= position.rawValue }
    }

    /// Removes the entries of a kind whose number is of no use any more.
    private func forget(_ kind: String, _ isOver: (Int64) -> Bool) async throws(InboxError) -> Int {
        let prefix = key(kind, "")
        var after = prefix
        var removed = 0
        do {
            while true {
                let revision = try await models.checkpoint(of: model)
                let page = try await models.documents(of: model, after: after, limit: 500)
                let own = page.prefix { $0.key.utf8.starts(with: prefix.utf8) }
                var changes: [String: [UInt8]?] = [:]
                for entry in own where isOver(try number(entry.data, entry.key)) {
                    changes.updateValue(nil, forKey: entry.key)
                }
                if !changes.isEmpty {
                    guard try await commit(changes, after: revision) else { continue }
                    removed += changes.count
                }
                guard own.count == 500, let last = own.last else { return removed }
                after = last.key
            }
        } catch let error as DerivedStateError {
            throw InboxError(error)
        } catch let error as InboxError {
            throw error
        } catch {
            throw .store(.storageFailed(reason: String(describing: error)))
        }
    }

    private func once(
        _ entry: String, note: Int64, fence: (key: ConsumerKey, value: Int64)?,
        _ change: (inout InboxDocuments) async throws -> Void
    ) async throws -> Bool {
        let fenceKey = fence.map { key("fence", $0.key.rawValue) }
        while true {
            guard !Task.isCancelled else { throw InboxError.cancelled }
            let revision: Position
            let stored: [String: [UInt8]]
            do {
                // Read before the documents: a change in between makes the commit fail.
                revision = try await models.checkpoint(of: model)
                stored = try await models.documents(
                    [entry, ReservedDocument.inbox] + (fenceKey.map { [$0] } ?? []), of: model)
            } catch {
                throw InboxError(error)
            }
            if stored[entry] != nil { return false }
            var documents = InboxDocuments(model: model, models: models)
            var own: [String: [UInt8]?] = [entry: Self.bytes(note)]
            if let fence, let fenceKey {
                if let data = stored[fenceKey], case let latest = try number(data, fenceKey), latest > fence.value {
                    throw InboxError.fenced(key: fence.key, fence: fence.value, latest: latest)
                }
                own[fenceKey] = Self.bytes(fence.value)
            }
            // An inbox of an earlier version has entries, and no such document.
            if stored[ReservedDocument.inbox] == nil { own[ReservedDocument.inbox] = Self.bytes(1) }
            try await change(&documents)
            if try await commit(documents.changes.merging(own) { _, new in new }, after: revision) { return true }
        }
    }

    /// Whether the changes were saved; false when another was first.
    private func commit(_ changes: [String: [UInt8]?], after revision: Position) async throws(InboxError) -> Bool {
        let batch = DocumentBatch(model: model, changes: changes, previous: revision, checkpoint: revision.next)
        do {
            try await models.commit(batch)
            return true
        } catch {
            if case .checkpointMoved = error { return false }
            throw InboxError(error)
        }
    }

    /// No name holds the character between the parts, so that joined names keep their ends.
    private func key(_ kind: String, _ name: String) -> String {
        [InboxDocuments.mark + kind, handler.rawValue, name].joined(separator: InboxDocuments.mark)
    }

    private static func bytes(_ number: Int64) -> [UInt8] { Array(String(number).utf8) }

    private func number(_ data: [UInt8], _ key: String) throws(InboxError) -> Int64 {
        guard let number = Int64(String(decoding: data, as: UTF8.self)) else {
            throw .unreadableEntry(key: key, model: model)
        }
        return number
    }
}
