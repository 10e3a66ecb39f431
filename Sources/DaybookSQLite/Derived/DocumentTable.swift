import DaybookCore

/// The read models of a file, through one connection: documents by key, and how far each model has come.
final class DocumentTable {
    private let connection: Connection
    private let find: Statement
    private let create: Statement
    private let move: Statement
    private let select: Statement
    private let upsert: Statement
    private let remove: Statement
    private let page: Statement

    init(_ connection: Connection) throws(SQLiteFailure) {
        self.connection = connection
        find = try connection.prepare("SELECT id, position FROM read_models WHERE name = ?")
        create = try connection.prepare("INSERT OR IGNORE INTO read_models(name, position, head) VALUES(?, 0, 0)")
        move = try connection.prepare(
            """
            INSERT INTO read_models(name, position, head) VALUES(?, ?, \(Schema.head))
            ON CONFLICT(name) DO UPDATE SET position = excluded.position, head = excluded.head
            """
        )
        select = try connection.prepare("SELECT data FROM documents WHERE model = ? AND key = ?")
        upsert = try connection.prepare(
            "INSERT INTO documents(model, key, data) VALUES(?, ?, ?) ON CONFLICT(model, key) DO UPDATE SET data = excluded.data"
        )
        remove = try connection.prepare("DELETE FROM documents WHERE model = ? AND key = ?")
        page = try connection.prepare(
            "SELECT key, data FROM documents WHERE model = ? AND key > ? ORDER BY key LIMIT ?")
    }

    /// The number of a model, and how far it has come; nil when there is none of the name.
    func model(_ name: ReadModelName) throws(SQLiteFailure) -> (number: Int64, position: Int64)? {
        find.bind(1, name.rawValue)
        guard try find.step() else { return nil }
        defer { find.reset() }
        return (find.integer(0), find.integer(1))
    }

    func checkpoint(of name: ReadModelName) throws(SQLiteFailure) -> Int64 { try model(name)?.position ?? 0 }

    func number(creating name: ReadModelName) throws(SQLiteFailure) -> Int64 {
        if let model = try model(name) { return model.number }
        create.bind(1, name.rawValue)
        try create.run()
        return try model(name)?.number ?? 0
    }

    func setCheckpoint(_ position: Int64, of name: ReadModelName) throws(SQLiteFailure) {
        move.bind(1, name.rawValue)
        move.bind(2, position)
        try move.run()
    }

    func document(_ key: String, of model: Int64) throws(SQLiteFailure) -> [UInt8]? {
        select.bind(1, model)
        select.bind(2, key)
        guard try select.step() else { return nil }
        defer { select.reset() }
        return Array(select.bytes(0))
    }

    /// Nil deletes the document.
    func set(_ data: [UInt8]?, for key: String, of model: Int64) throws(SQLiteFailure) {
        let statement = data == nil ? remove : upsert
        statement.bind(1, model)
        statement.bind(2, key)
        if let data { statement.bind(3, data) }
        try statement.run()
    }

    func documents(
        of model: Int64, after key: String?, limit: Int
    ) throws(SQLiteFailure) -> [(key: String, data: [UInt8])] {
        var found: [(key: String, data: [UInt8])] = []
        page.bind(1, model)
        page.bind(2, key ?? "")
        page.bind(3, Int64(limit))
        if key == nil, let first = try document("", of: model) { found.append(("", first)) }
        while try page.step() { found.append((page.text(0), Array(page.bytes(1)))) }
        return found.count > limit ? Array(found.prefix(limit)) : found
    }

    /// Hands over the documents whose keys begin with a prefix, in the order of the keys.
    func forEach(of model: Int64, prefix: String, _ body: (_ data: [UInt8]) -> Void) throws(SQLiteFailure) {
        let range = try connection.prepare(
            "SELECT key, data FROM documents WHERE model = ? AND key >= ? ORDER BY key")
        range.bind(1, model)
        range.bind(2, prefix)
        defer { range.reset() }
        while try range.step(), range.text(0).utf8.starts(with: prefix.utf8) { body(Array(range.bytes(1))) }
    }

    /// Changes documents and checkpoint of a model that stands where the batch expects it.
    func apply(_ batch: DocumentBatch) throws(SQLiteFailure) -> Result<Void, DerivedStateError> {
        let position = try checkpoint(of: batch.model)
        guard position == batch.previous.rawValue else {
            return .failure(
                .checkpointMoved(model: batch.model, expected: batch.previous, actual: Position(position)))
        }
        let model = try number(creating: batch.model)
        for (key, data) in batch.expected where try document(key, of: model) != data {
            return .failure(.documentChanged(model: batch.model, key: key))
        }
        // In the order of the table, so that neighbours are changed while their page is at hand. Swift's own order is that of
        // the bytes for most texts, near to it for all, and several times as fast as comparing their UTF-8.
        let changes = batch.changes.sorted { $0.key < $1.key }
        for (key, data) in changes { try set(data, for: key, of: model) }
        try setCheckpoint(batch.checkpoint.rawValue, of: batch.model)
        return .success(())
    }

    func delete(_ name: ReadModelName) throws(SQLiteFailure) {
        guard let model = try model(name) else { return }
        let documents = try connection.prepare("DELETE FROM documents WHERE model = ?")
        documents.bind(1, model.number)
        try documents.run()
        let row = try connection.prepare("DELETE FROM read_models WHERE id = ?")
        row.bind(1, model.number)
        try row.run()
    }
}
