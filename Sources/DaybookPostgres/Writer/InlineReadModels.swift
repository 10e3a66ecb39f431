#if Postgres
import DaybookCore

/// Runs the inline read models of a store in the transaction of a group of appends.
///
/// What they change stays in memory until the group is written, so that an append that one of them refuses leaves no trace.
struct InlineReadModels {

    private let models: [any InlineReadModel]
    private let connection: Connection
    /// What documents hold, as far as it was asked for or changed by the group; nil for none.
    private var documents: [ReadModelName: [[UInt8]: [UInt8]?]] = [:]
    /// The keys that the group has changed.
    private var changed: [ReadModelName: Set<[UInt8]>] = [:]

    init(_ models: [any InlineReadModel], on connection: Connection) {
        self.models = models
        self.connection = connection
    }

    /// The commands that keep others from changing the models meanwhile.
    static func commands(for models: [any InlineReadModel]) -> [Command] {
        models.map { model in DocumentStatements.hold.with { $0.add(model.name.rawValue) } }
    }

    /// Shows the events of one append to every read model.
    ///
    /// - Returns: The refusal of a read model that threw; nothing of this append is then kept.
    /// - Throws: ``ServerFailure`` when the database did not answer.
    mutating func apply(_ events: [RecordedEvent]) throws(ServerFailure) -> AppendError? {
        var all: [ReadModelName: [[UInt8]: [UInt8]?]] = [:]
        for model in models {
            let passing = events.filter(model.filter.matches)
            guard !passing.isEmpty else { continue }
            let editor = Editor(
                model: model.name, connection: connection, known: documents[model.name] ?? [:],
                changes: all[model.name] ?? [:])
            var documents: any InlineDocuments = editor
            do {
                try model.apply(passing, to: &documents)
            } catch {
                if let failure = editor.failure { throw failure }
                return .refused(by: model.name.rawValue, reason: "\(error)")
            }
            if let failure = editor.failure { throw failure }
            self.documents[model.name, default: [:]].merge(editor.read) { old, _ in old }
            all[model.name] = editor.changes
        }
        for (model, changes) in all {
            documents[model, default: [:]].merge(changes) { _, new in new }
            changed[model, default: []].formUnion(changes.keys)
        }
        return nil
    }

    /// The commands that write what the group has changed, and how far the models have come.
    func commands(head: Int64) -> [Command] {
        guard !models.isEmpty else { return [] }
        var commands: [Command] = []
        for (model, keys) in changed {
            let changes = keys.map { (key: String(decoding: $0, as: UTF8.self), value: documents[model]?[$0] ?? nil) }
            commands += DocumentStatements.changes(changes, of: model)
        }
        commands.append(
            DocumentStatements.moveInline.with {
                $0.addArray(models.map(\.name.rawValue))
                $0.add(head)
            })
        return commands
    }

    /// A class, so that what it holds is found again behind the `inout any`.
    private final class Editor: InlineDocuments {
        let model: ReadModelName
        let connection: Connection
        let known: [[UInt8]: [UInt8]?]
        var read: [[UInt8]: [UInt8]?] = [:]
        var changes: [[UInt8]: [UInt8]?]
        var failure: ServerFailure?

        init(
            model: ReadModelName, connection: Connection, known: [[UInt8]: [UInt8]?], changes: [[UInt8]: [UInt8]?]
        ) {
            self.model = model
            self.connection = connection
            self.known = known
            self.changes = changes
        }

        func document(_ key: String) throws -> [UInt8]? {
            let bytes = Array(key.utf8)
            if let found = changes[bytes] ?? known[bytes] ?? read[bytes] { return found }
            do {
                let rows = try connection.run(
                    DocumentStatements.find.with {
                        $0.add(model.rawValue)
                        $0.addArray([bytes])
                    })
                let data = rows.count > 0 ? Array(rows.bytes(0, 1)) : nil
                read.updateValue(data, forKey: bytes)
                return data
            } catch {
                failure = error
                throw error
            }
        }

        func set(_ data: [UInt8]?, for key: String) throws {
            if let data, data.count > Limits.documentBytes {
                throw DerivedStateError.tooLarge(key: key, bytes: data.count)
            }
            changes.updateValue(data, forKey: Array(key.utf8))
        }
    }
}
#endif
