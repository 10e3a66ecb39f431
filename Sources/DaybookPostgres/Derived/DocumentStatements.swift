#if Postgres
import DaybookCore

/// The statements of read models and their documents.
enum DocumentStatements {
    static let checkpoint = Statement("model_checkpoint", "SELECT position FROM read_models WHERE name = $1::text")
    static let checkpoints = Statement("model_checkpoints", "SELECT name, position FROM read_models")
    static let create = Statement(
        "model_create",
        "INSERT INTO read_models (name, position) VALUES ($1::text, 0) ON CONFLICT (name) DO NOTHING")
    static let hold = Statement(
        "model_hold", "SELECT position, tokens FROM read_models WHERE name = $1::text FOR UPDATE")
    static let move = Statement(
        "model_move",
        """
        UPDATE read_models
        SET position = $2::bigint, tokens = ($3::uuid || tokens)[1:\(ChangeAttempt<EventID>.tokensKept)]
        WHERE name = $1::text
        """)
    static let confirm = Statement("model_confirm", "UPDATE read_models SET position = position WHERE name = $1::text")
    static let moveInline = Statement(
        "model_move_inline", "UPDATE read_models SET position = $2::bigint WHERE name = ANY($1::text[])")
    static let find = Statement(
        "documents_find",
        "SELECT key, data FROM documents WHERE model = $1::text AND key = ANY($2::bytea[])")
    static let set = Statement(
        "documents_set",
        """
        INSERT INTO documents (model, key, data)
        SELECT $1::text, key, data FROM unnest($2::bytea[], $3::bytea[]) n(key, data)
        ON CONFLICT (model, key) DO UPDATE SET data = excluded.data
        """)
    static let remove = Statement(
        "documents_remove", "DELETE FROM documents WHERE model = $1::text AND key = ANY($2::bytea[])")
    static let page = Statement(
        "documents_page",
        """
        SELECT key, data FROM documents
        WHERE model = $1::text AND ($2::bytea IS NULL OR key > $2::bytea) ORDER BY key LIMIT $3::bigint
        """)
    static let removeAll = Statement("documents_remove_all", "DELETE FROM documents WHERE model = $1::text")
    static let removeModel = Statement("model_remove", "DELETE FROM read_models WHERE name = $1::text")

    /// The documents and bytes that one statement takes along.
    private static let documentsPerCommand = 10_000
    private static let bytesPerCommand = 16 << 20

    /// The commands that change documents of a model; nil deletes one.
    static func changes(_ changes: some Sequence<(key: String, value: [UInt8]?)>, of model: ReadModelName) -> [Command]
    {
        var commands: [Command] = []
        var keys: [[UInt8]] = []
        var contents: [[UInt8]] = []
        var removed: [[UInt8]] = []
        var bytes = 0
        func flush() {
            guard !keys.isEmpty else { return }
            commands.append(
                set.with {
                    $0.add(model.rawValue)
                    $0.addArray(keys)
                    $0.addArray(contents)
                })
            (keys, contents, bytes) = ([], [], 0)
        }
        for (key, data) in changes {
            guard let data else {
                removed.append(Array(key.utf8))
                continue
            }
            keys.append(Array(key.utf8))
            contents.append(data)
            bytes += data.count + key.utf8.count
            if bytes >= bytesPerCommand || keys.count >= documentsPerCommand { flush() }
        }
        flush()
        if !removed.isEmpty {
            commands.append(
                remove.with {
                    $0.add(model.rawValue)
                    $0.addArray(removed)
                })
        }
        return commands
    }
}
#endif
