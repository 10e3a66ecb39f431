import DaybookCore

/// All parked keys of a read model, as one document of it: it changes in the transaction of the others.
struct ParkedKeys: Equatable {
    /// The document's key, which no projection may use.
    static let document = "\u{1F}parked"

    private struct Entry: Codable, Equatable {
        var position: Position
        var reason: String
    }

    private var entries: [String: Entry] = [:]

    /// - Parameter data: Nil when the read model has no such document.
    init(_ data: [UInt8]?, of model: ReadModelName) throws(ProjectionError) {
        guard let data else { return }
        do {
            entries = try JSONBytesDecoder().decode([String: Entry].self, from: data)
        } catch {
            throw .unreadableDocument(key: Self.document, model: model, reason: CodingReason.text(of: error))
        }
    }

    var count: Int { entries.count }
    var isEmpty: Bool { entries.isEmpty }

    func contains(_ key: String) -> Bool { !entries.isEmpty && entries[key] != nil }

    subscript(key: String) -> ParkedKey? {
        get { entries[key].map { ParkedKey(key: key, position: $0.position, reason: $0.reason) } }
        set { entries[key] = newValue.map { Entry(position: $0.position, reason: String($0.reason.prefix(1_000))) } }
    }

    /// In the order of positions.
    var list: [ParkedKey] {
        entries.map { ParkedKey(key: $0.key, position: $0.value.position, reason: $0.value.reason) }
            .sorted { ($0.position, $0.key) < ($1.position, $1.key) }
    }

    /// The document; nil when there is to be none.
    func encoded(for model: ReadModelName) throws(ProjectionError) -> [UInt8]? {
        guard !entries.isEmpty else { return nil }
        do { return try JSONBytesEncoder().encode(entries) } catch {
            throw .unwritableDocument(key: Self.document, model: model, reason: CodingReason.text(of: error))
        }
    }
}
