import DaybookCore

/// All parked keys of a read model, as one document of it: it changes in the transaction of the others.
package struct ParkedKeys: Equatable, Sendable {
    /// The document's key. No projection may use one that begins as it does.
    static let document = ReservedDocument.parkedKeys

    /// A key as its bytes: two texts that Swift calls equal may be the keys of two documents.
    private struct Key: Hashable, Sendable {
        let text: String

        static func == (left: Key, right: Key) -> Bool { left.text.hasSameBytes(as: right.text) }

        func hash(into hasher: inout Hasher) {
            for byte in text.utf8 { hasher.combine(byte) }
        }
    }

    private struct Entry: Codable, Equatable, Sendable {
        var key: String
        var position: Position
        var reason: String
        /// All keys of an event that could not be read, as they were told then.
        var eventKeys: [String]?
    }

    private var entries: [Key: Entry] = [:]

    /// - Parameter data: Nil when the read model has no such document.
    package init(_ data: [UInt8]?, of model: ReadModelName) throws(ProjectionError) {
        guard let data else { return }
        do {
            for entry in try JSONBytesDecoder().decode([Entry].self, from: data) {
                entries[Key(text: entry.key)] = entry
            }
        } catch {
            throw .unreadableDocument(key: Self.document, model: model, reason: CodingReason.text(of: error))
        }
    }

    package var count: Int { entries.count }
    package var isEmpty: Bool { entries.isEmpty }

    package func contains(_ key: String) -> Bool { !entries.isEmpty && entries[Key(text: key)] != nil }

    package subscript(key: String) -> ParkedKey? {
        get {
            entries[Key(text: key)].map { ParkedKey(key: $0.key, position: $0.position, reason: $0.reason) }
        }
        set {
            entries[Key(text: key)] = newValue.map {
                Entry(key: key, position: $0.position, reason: String($0.reason.prefix(1_000)))
            }
        }
    }

    /// Parks a key at an event that cannot be read.
    ///
    /// - Parameter eventKeys: All keys that the event is said to have; nil when it can be read.
    mutating func park(_ parked: ParkedKey, eventKeys: [String]?) {
        self[parked.key] = parked
        entries[Key(text: parked.key)]?.eventKeys = eventKeys
    }

    /// All keys that the unreadable event, at which a key was parked, was said to have; nil when it could be read.
    func eventKeys(of key: String) -> [String]? { entries[Key(text: key)]?.eventKeys }

    /// In the order of positions.
    package var list: [ParkedKey] {
        entries.values.map { ParkedKey(key: $0.key, position: $0.position, reason: $0.reason) }
            .sorted { ($0.position, $0.key) < ($1.position, $1.key) }
    }

    /// The document; nil when there is to be none.
    package func encoded(for model: ReadModelName) throws(ProjectionError) -> [UInt8]? {
        guard !entries.isEmpty else { return nil }
        let list = entries.values.sorted { ($0.position, $0.key) < ($1.position, $1.key) }
        do { return try JSONBytesEncoder().encode(list) } catch {
            throw .unwritableDocument(key: Self.document, model: model, reason: CodingReason.text(of: error))
        }
    }
}
