import DaybookCore

/// Former contents of a projection's documents, kept as documents of a read model of their own, so that a document of many
/// events is not folded from the first of them each time.
///
/// A content that took everything up to a position into account stays true for good: what is kept is never changed, may be
/// kept twice, and need not be complete. The keys order the contents of a document from the newest to the oldest. All
/// documents as of one position are a read model of their own, with that position as its checkpoint.
struct DocumentVersions<Document: Codable & Sendable>: Sendable {
    /// What a document was when all events up to a position were taken into account.
    struct Version: Sendable {
        var position: Position
        var document: Document?
    }

    /// How it is kept.
    private struct Content: Codable {
        var document: Document?
    }

    /// What is given to the store at once.
    static var batchCount: Int { 256 }
    /// Under which the positions of the models of all documents are found; no projection may use it.
    private static var allKey: String { "\u{1F}all" }

    let model: ReadModelName
    let store: any ReadModelStore
    /// The events of a document between two of its versions.
    let eventCount: Int

    init(of model: ReadModelName, in store: any ReadModelStore, every eventCount: Int) {
        self.model = ReadModelName(unchecked: "\(model).versions")
        self.store = store
        self.eventCount = max(1, eventCount)
    }

    /// The newest version of a document that is not behind a position. One that cannot be read, such as of another shape,
    /// is passed over: the events are all there.
    func latest(of key: String, through position: Position) async throws(ProjectionError) -> Version {
        let decoder = JSONBytesDecoder()
        var version = Version(position: .start)
        if let own = try await newest(of: key, through: position),
            let content = try? decoder.decode(Content.self, from: own.data)
        {
            version = Version(position: own.position, document: content.document)
        }
        guard let all = try await latestOfAll(through: position), all > version.position else { return version }
        let data: [UInt8]?
        do { data = try await store.document(key, of: whole(at: all)) } catch { throw ProjectionError(error) }
        guard let data else { return Version(position: all) }
        guard let document = try? decoder.decode(Document.self, from: data) else { return version }
        return Version(position: all, document: document)
    }

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

    /// Keeps versions of a document. What cannot be kept is folded once more, by the next who asks.
    func keep(_ versions: [Version], of key: String) async {
        let encoder = JSONBytesEncoder()
        var changes: [String: [UInt8]?] = [:]
        for version in versions {
            guard let data = try? encoder.encode(Content(document: version.document)),
                data.count <= Limits.documentBytes
            else { continue }
            changes[Self.key(of: key, at: version.position)] = data
        }
        guard !changes.isEmpty else { return }
        try? await store.commit(
            DocumentBatch(model: model, changes: changes, previous: .start, checkpoint: .start))
    }

    // MARK: All documents

    /// The last position, not behind another, as of which all documents are kept.
    private func latestOfAll(through position: Position) async throws(ProjectionError) -> Position? {
        try await newest(of: Self.allKey, through: position)?.position
    }

    /// All documents as of the last position for which they are kept, not behind another.
    func latest(through position: Position) async throws(ProjectionError) -> (Position, [String: Document]) {
        var documents: [String: Document] = [:]
        guard let all = try await latestOfAll(through: position) else { return (.start, [:]) }
        let decoder = JSONBytesDecoder()
        var last: String?
        while true {
            let page: [(key: String, data: [UInt8])]
            do { page = try await store.documents(of: whole(at: all), after: last, limit: 1_000) } catch {
                throw ProjectionError(error)
            }
            for entry in page {
                guard let document = try? decoder.decode(Document.self, from: entry.data) else { return (.start, [:]) }
                documents[entry.key] = document
            }
            guard let key = page.last?.key else { return (all, documents) }
            last = key
        }
    }

    /// Keeps all documents as of a position.
    func keep(_ documents: [String: Document], at position: Position) async throws(ProjectionError) {
        let encoder = JSONBytesEncoder()
        let model = whole(at: position)
        do {
            guard try await store.checkpoint(of: model) != position else { return }
            var changes: [String: [UInt8]?] = [:]
            for (key, document) in documents {
                do { changes[key] = try encoder.encode(document) } catch {
                    throw ProjectionError.unwritableDocument(
                        key: key, model: model, reason: CodingReason.text(of: error))
                }
                guard changes.count == 10_000 else { continue }
                try await store.commit(
                    DocumentBatch(model: model, changes: changes, previous: .start, checkpoint: .start))
                changes = [:]
            }
            try await store.commit(
                DocumentBatch(model: model, changes: changes, previous: .start, checkpoint: position))
        } catch let error as DerivedStateError {
            throw ProjectionError(error)
        } catch {
            throw error as? ProjectionError ?? .read(.storageFailed(reason: "\(error)"))
        }
        await keep([Version(position: position)], of: Self.allKey)
    }

    /// Deletes all that is kept.
    func delete() async throws(ProjectionError) {
        while let all = try await latestOfAll(through: Position(.max - 1)) {
            do {
                try await store.deleteReadModel(whole(at: all))
                try await store.commit(
                    DocumentBatch(
                        model: model, changes: [Self.key(of: Self.allKey, at: all): nil], previous: .start,
                        checkpoint: .start))
            } catch {
                throw ProjectionError(error)
            }
        }
        do { try await store.deleteReadModel(model) } catch { throw ProjectionError(error) }
    }

    private func whole(at position: Position) -> ReadModelName { ReadModelName(unchecked: "\(model).\(position)") }

    private static func prefix(_ key: String) -> String { key + "\u{1F}" }

    /// Newer versions come first.
    private static func key(of key: String, at position: Position) -> String {
        let digits = String(Int64.max - position.rawValue)
        return prefix(key) + String(repeating: "0", count: 19 - digits.count) + digits
    }
}
