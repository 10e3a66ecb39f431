import DaybookCore

/// Former contents of a projection's documents, kept in read models of their own, so that a document of many events is not
/// folded from the first of them each time.
///
/// What took everything up to a position into account stays true for good: a snapshot is never changed, may be kept twice,
/// and need not be there. The keys order those of a document from the newest to the oldest. All documents as of one position
/// are a read model of their own, which has that position as its checkpoint once it is complete; the last thing to be written
/// is the entry under which it is found, and the first to be deleted.
struct DocumentSnapshots<Document: Codable & Sendable>: Sendable {
    /// What a document was when all events up to a position were taken into account.
    struct Snapshot: Sendable {
        var position: Position
        var document: Document?
    }

    /// How it is kept.
    private struct Content: Codable {
        var document: Document?
    }

    /// All documents as of a position, and the read model that has them.
    private struct Whole: Codable {
        var model: String
    }

    /// What is given to the store at once.
    static var batchCount: Int { 256 }
    /// No key of a projection begins with these.
    private static var allKey: String { "\u{1F}all" }
    private static var begunKey: String { "\u{1F}begun\u{1F}" }

    /// No projection runs under such a name.
    let model: ReadModelName
    let store: any ReadModelStore
    /// The events of a document between two of its snapshots.
    let eventCount: Int

    init(of model: ReadModelName, in store: any ReadModelStore, every eventCount: Int) {
        self.model = ReadModelName(unchecked: "$snapshots/\(model)")
        self.store = store
        self.eventCount = max(1, eventCount)
    }

    // MARK: One document

    /// The newest snapshot of a document that is not behind a position. One that cannot be read, such as of another shape,
    /// is passed over: the events are all there.
    func latest(of key: String, through position: Position) async throws(ProjectionError) -> Snapshot {
        let decoder = JSONBytesDecoder()
        var snapshot = Snapshot(position: .start)
        if let own = try await newest(of: key, through: position),
            let content = try? decoder.decode(Content.self, from: own.data)
        {
            snapshot = Snapshot(position: own.position, document: content.document)
        }
        guard let all = try await latestWhole(through: position), all.position > snapshot.position else {
            return snapshot
        }
        do {
            let data = try await store.document(key, of: all.model)
            // Otherwise it was deleted meanwhile.
            guard try await store.checkpoint(of: all.model) == all.position else { return snapshot }
            guard let data else { return Snapshot(position: all.position) }
            guard let document = try? decoder.decode(Document.self, from: data) else { return snapshot }
            return Snapshot(position: all.position, document: document)
        } catch {
            throw ProjectionError(error)
        }
    }

    /// Keeps snapshots of a document. What cannot be kept is folded once more, by the next who asks.
    func keep(_ snapshots: [Snapshot], of key: String) async {
        let encoder = JSONBytesEncoder()
        var changes: [String: [UInt8]?] = [:]
        for snapshot in snapshots {
            guard let data = try? encoder.encode(Content(document: snapshot.document)),
                data.count <= Limits.documentBytes
            else { continue }
            changes[Self.key(of: key, at: snapshot.position)] = data
        }
        guard !changes.isEmpty else { return }
        do { try await change(changes) } catch {}
    }

    // MARK: All documents

    /// All documents as of the last position for which they are kept, not behind another.
    func latest(
        through position: Position
    ) async throws(ProjectionError) -> (position: Position, documents: [String: Document]) {
        guard let all = try await latestWhole(through: position) else { return (.start, [:]) }
        let decoder = JSONBytesDecoder()
        var documents: [String: Document] = [:]
        var last: String?
        do {
            while true {
                let page = try await store.documents(of: all.model, after: last, limit: 1_000)
                for entry in page {
                    guard let document = try? decoder.decode(Document.self, from: entry.data) else {
                        return (.start, [:])
                    }
                    documents[entry.key] = document
                }
                guard let key = page.last?.key else { break }
                last = key
            }
            // Otherwise it was deleted meanwhile.
            guard try await store.checkpoint(of: all.model) == all.position else { return (.start, [:]) }
            return (all.position, documents)
        } catch {
            throw ProjectionError(error)
        }
    }

    /// Keeps all documents as of a position.
    func keep(_ documents: [String: Document], at position: Position) async throws(ProjectionError) {
        if let all = try await latestWhole(through: position), all.position == position { return }
        // A name of its own, so that what an interrupted attempt left is not mistaken for a part of it.
        let whole = ReadModelName(unchecked: "$snapshots/\(EventID())")
        let begun = Self.begunKey + whole.rawValue
        let encoder = JSONBytesEncoder()
        do {
            try await change([begun: []])
            // Refuses the rest when all was deleted meanwhile.
            let mark = Self.begunKey
            try await change([mark: []], of: whole)
            var changes: [String: [UInt8]?] = [:]
            for (key, document) in documents {
                do { changes[key] = try encoder.encode(document) } catch {
                    throw ProjectionError.unwritableDocument(
                        key: key, model: whole, reason: CodingReason.text(of: error))
                }
                guard changes.count == 10_000 else { continue }
                try await change(changes, of: whole, expecting: [mark: []])
                changes = [:]
            }
            changes.updateValue(nil, forKey: mark)
            try await change(changes, of: whole, expecting: [mark: []], through: position)
            try await change([Self.key(of: Self.allKey, at: position): encoder.encode(Whole(model: whole.rawValue))])
        } catch let error as DerivedStateError {
            throw ProjectionError(error)
        } catch {
            throw error as? ProjectionError ?? .read(.storageFailed(reason: "\(error)"))
        }
    }

    /// Deletes all that is kept.
    func delete() async throws(ProjectionError) {
        do {
            // Nobody finds them from here on.
            while let all = try await newest(of: Self.allKey, through: Position(.max - 1)) {
                try await change([Self.key(of: Self.allKey, at: all.position): nil])
            }
            while let begun = try await store.documents(of: model, after: Self.begunKey, limit: 1).first,
                begun.key.utf8.starts(with: Self.begunKey.utf8)
            {
                let whole = String(begun.key.dropFirst(Self.begunKey.count))
                try await store.deleteReadModel(ReadModelName(unchecked: whole))
                try await change([begun.key: nil])
            }
            try await store.deleteReadModel(model)
        } catch let error as DerivedStateError {
            throw ProjectionError(error)
        } catch {
            throw error as? ProjectionError ?? .read(.storageFailed(reason: "\(error)"))
        }
    }

    private func latestWhole(
        through position: Position
    ) async throws(ProjectionError) -> (position: Position, model: ReadModelName)? {
        guard let all = try await newest(of: Self.allKey, through: position),
            let whole = try? JSONBytesDecoder().decode(Whole.self, from: all.data)
        else { return nil }
        return (all.position, ReadModelName(unchecked: whole.model))
    }

    // MARK: Store

    private func newest(
        of key: String, through position: Position
    ) async throws(ProjectionError) -> (position: Position, data: [UInt8])? {
        // Keys are those above the one given.
        let after = Self.key(of: key, at: position.next)
        let found: (key: String, data: [UInt8])?
        do { found = try await store.documents(of: model, after: after, limit: 1).first } catch {
            throw ProjectionError(error)
        }
        guard let found, found.key.utf8.count == after.utf8.count,
            found.key.utf8.starts(with: Self.prefix(key).utf8), let inverse = Int64(found.key.suffix(19))
        else { return nil }
        return (Position(.max - inverse), found.data)
    }

    private func change(
        _ changes: [String: [UInt8]?], of whole: ReadModelName? = nil, expecting expected: [String: [UInt8]?] = [:],
        through position: Position = .start
    ) async throws(DerivedStateError) {
        try await store.commit(
            DocumentBatch(
                model: whole ?? model, changes: changes, previous: .start, checkpoint: position, expected: expected))
    }

    private static func prefix(_ key: String) -> String { key + "\u{1F}" }

    /// Newer ones come first.
    private static func key(of key: String, at position: Position) -> String {
        let digits = String(Int64.max - position.rawValue)
        return prefix(key) + String(repeating: "0", count: 19 - digits.count) + digits
    }
}
