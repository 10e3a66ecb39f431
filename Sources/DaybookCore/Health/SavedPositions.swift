/// Everything in a store that may say how far a consumer has come, by name: where a look at the consumers begins.
package struct SavedPositions: Sendable {
    package struct Entry: Sendable {
        fileprivate let name: String
        fileprivate let position: Position

        package init(name: String, position: Position) {
            self.name = name
            self.position = position
        }
    }

    private let checkpoints: [Entry]
    private let readModels: [Entry]

    package init(checkpoints: [Entry] = [], readModels: [Entry] = []) {
        self.checkpoints = checkpoints
        self.readModels = readModels
    }
}

extension SavedPositions {
    /// The health of the store that they are in, asked for what they do not say.
    ///
    /// The head is read last, so that nobody who goes on meanwhile seems to be beyond it.
    ///
    /// - Complexity: a call for each read model of an application, one more for each consumer group and page of what it holds, one
    ///   for each process manager, one for each position that is behind the head.
    package func health(
        of store: some EventStore & ReadModelStore, _ policy: HealthPolicy, at now: Timestamp
    ) async throws(ReadError) -> StoreHealth {
        var consumers = Self.sorted(checkpoints).map { ConsumerPosition(checkpoint: $0.name, at: $0.position) }
        do { consumers += try await followers(in: store) } catch { throw ReadError(error) }
        for category in Set(readModels.compactMap { ReadModelKind(of: $0.name).process }).sorted() {
            if let process = try await Self.process(of: category, in: store) { consumers.append(process) }
        }
        let head = try await store.head()
        var recordedAt: [Position: Timestamp] = [:]
        for position in Set(consumers.map(\.position)) where position < head {
            recordedAt[position] = try await Self.timeOfNext(after: position, in: store)
        }
        return StoreHealth(
            head: head, checkedAt: now,
            consumers: consumers.map {
                $0.health(policy, head: head, nextRecordedAt: recordedAt[$0.position], at: now)
            })
    }

    /// The consumers that have a read model.
    private func followers(in store: some ReadModelStore) async throws(DerivedStateError) -> [ConsumerPosition] {
        var found: [ConsumerPosition] = []
        for entry in Self.sorted(readModels) {
            let model = ReadModelName(unchecked: entry.name)
            switch ReadModelKind(of: entry.name) {
            case .consumerGroup(let group):
                let document = try await store.document(ConsumerPosition.groupDocument, of: model)
                let held = try await Self.heldEvents(of: model, in: store)
                found.append(ConsumerPosition(group: group, document: document, held: held))
            case .documents:
                let documents = try await store.documents(
                    [ReservedDocument.parkedKeys, ReservedDocument.inbox], of: model)
                guard documents[ReservedDocument.inbox] == nil else { continue }
                found.append(
                    ConsumerPosition(
                        readModel: entry.name, at: entry.position, parkedKeys: documents[ReservedDocument.parkedKeys]))
            case .processTimers, .other: continue
            }
        }
        return found
    }

    /// How many documents of a consumer group are asked for at once; behind those that it holds stand all that were skipped.
    private static let heldPerPage = 100

    private static func heldEvents(
        of model: ReadModelName, in store: some ReadModelStore
    ) async throws(DerivedStateError) -> Int {
        var count = 0
        var after = ConsumerPosition.heldPrefix
        while true {
            let page = try await store.documents(of: model, after: after, limit: heldPerPage)
            for entry in page {
                guard entry.key.utf8.starts(with: ConsumerPosition.heldPrefix.utf8) else { return count }
                count += ConsumerPosition.heldEvents(in: entry.data)
            }
            guard page.count == heldPerPage, let last = page.last else { return count }
            after = last.key
        }
    }

    private static func process(
        of category: Category, in store: some EventStore
    ) async throws(ReadError) -> ConsumerPosition? {
        let page = try await store.readPage(
            of: ConsumerPosition.progressStream(of: category), from: .end, direction: .backward, limit: 1)
        return page.events.first.map { ConsumerPosition(process: category, progress: $0.data, at: $0.position) }
    }

    /// When the first event behind a position was recorded.
    private static func timeOfNext(
        after position: Position, in store: some EventStore
    ) async throws(ReadError) -> Timestamp? {
        do {
            let page = try await store.readPage(
                from: .after(position), direction: .forward, filter: .everything, limit: 1)
            return page.events.first?.recordedAt
        } catch {
            // A damaged event is told by other means.
            if case .corrupted = error { return nil }
            throw error
        }
    }

    /// In the order of the names' bytes.
    private static func sorted(_ entries: [Entry]) -> [Entry] {
        entries.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }
}

extension ReadError {
    /// What a read of derived state says, of a read that needs it.
    package init(_ error: DerivedStateError) {
        switch error {
        case .cancelled: self = .cancelled
        case .closed: self = .closed
        case .storageFailed(let reason): self = .storageFailed(reason: reason)
        default: self = .storageFailed(reason: error.description)
        }
    }
}
