import DaybookCore

/// The documents of a handler, as its transaction sees them: stored ones, and its own changes.
public struct InboxDocuments: Sendable {
    /// Begins the keys of the inbox's own documents.
    static let mark = "\u{1F}"

    let model: ReadModelName
    let models: any ReadModelStore
    private(set) var changes: [String: [UInt8]?] = [:]

    init(model: ReadModelName, models: any ReadModelStore) {
        self.model = model
        self.models = models
    }

    /// Nil when there is none.
    public func document(_ key: String) async throws(InboxError) -> [UInt8]? {
        if let change = changes[key] { return change }
        do { return try await models.document(key, of: model) } catch { throw InboxError(error) }
    }

    /// Nil deletes the document.
    ///
    /// - Parameter key: Any text that does not begin with U+001F.
    public mutating func set(_ data: [UInt8]?, for key: String) throws(InboxError) {
        guard !key.utf8.starts(with: Self.mark.utf8) else { throw .reservedKey(key) }
        changes.updateValue(data, forKey: key)
    }
}
