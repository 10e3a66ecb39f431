import DaybookCore

/// What a consumer has saved of how far it has come.
struct ConsumerPosition {
    var name: String
    var kind: ConsumerHealth.Kind
    var position: Int64
    var parked: Int?
    /// Why the position cannot be told.
    var unreadable: String?
}

extension LogReader {
    private static let groupPrefix = "$consumer-"
    private static let timersPrefix = "$process-timers-"
    private static let processGroupPrefix = "process-"
    private static let parkedKeys = "\u{1F}parked"

    /// Everything that keeps its position in this file, by kind and name.
    func consumerPositions(head: Int64) throws -> [ConsumerPosition] {
        var found: [ConsumerPosition] = []
        var processes: Set<String> = []
        let checkpoints = try connection.prepare("SELECT name, position FROM checkpoints ORDER BY name")
        while try checkpoints.step() {
            found.append(
                ConsumerPosition(name: checkpoints.text(0), kind: .checkpoint, position: checkpoints.integer(1)))
        }
        let models = try connection.prepare("SELECT id, name, position FROM read_models ORDER BY name")
        while try models.step() {
            let (model, name) = (models.integer(0), models.text(1))
            if let group = name.suffix(behind: Self.groupPrefix) {
                if let category = group.suffix(behind: Self.processGroupPrefix) { processes.insert(category) }
                found.append(try position(ofGroup: group, model))
            } else if let category = name.suffix(behind: Self.timersPrefix) {
                processes.insert(category)
            } else if !name.hasPrefix("$"), try !isInbox(model) {
                found.append(
                    ConsumerPosition(
                        name: name, kind: .readModel, position: models.integer(2), parked: try parkedKeys(of: model)))
            }
        }
        for category in processes.sorted() {
            if let position = try position(ofProcess: category, head: head) { found.append(position) }
        }
        return found
    }

    /// A group's read model has a revision for its checkpoint; how far it has come stands in its document `group`.
    private func position(ofGroup name: String, _ model: Int64) throws -> ConsumerPosition {
        let documents = try derivedTables().documents
        var consumer = ConsumerPosition(name: name, kind: .consumerGroup, position: 0, parked: 0)
        if let data = try documents.document("group", of: model) {
            let members = (try? JSONText(parsing: data[...]))?.members ?? []
            let window = members.first { $0.key == "window" }?.value.elements
            let first = window?.first?.members?.first { $0.key == "position" }?.value.integer
            if let scanned = members.first(where: { $0.key == "scanned" })?.value.integer, let window,
                window.isEmpty || first != nil
            {
                // The lowest position that is neither settled nor held, minus one.
                consumer.position = first.map { $0 - 1 } ?? scanned
            } else {
                consumer.unreadable = "Its document 'group' is not what this version reads."
            }
        }
        // Each document is a key that has stopped, with the event that it stopped at and those behind.
        let held = try connection.prepare(
            "SELECT data FROM documents WHERE model = ? AND key >= 'held/' AND key < 'held0'")
        held.bind(1, model)
        while try held.step() {
            let members = (try? JSONText(parsing: Array(held.bytes(0))[...]))?.members ?? []
            consumer.parked? += members.first { $0.key == "events" }?.value.elements?.count ?? 1
        }
        return consumer
    }

    /// A process manager records how far it has come in a stream of its own.
    private func position(ofProcess category: String, head: Int64) throws -> ConsumerPosition? {
        guard let stream = try names.number(.stream, "process_progress-\(category)"),
            let last = try index.last(under: IndexKey(kind: .stream, key: stream), atOrBelow: head)
        else { return nil }
        let data = try withRecord(at: last.number) { record throws(StoreFailure) in
            Array(record.bytes[record.dataOffset..<record.dataOffset + record.dataLength])
        }
        var consumer = ConsumerPosition(name: category, kind: .processManager, position: 0)
        let members = (try? JSONText(parsing: data[...]))?.members
        if let through = members?.first(where: { $0.key == "through" })?.value.integer {
            consumer.position = through
        } else {
            consumer.unreadable = "The event at position \(last.number) is not what this version reads."
        }
        return consumer
    }

    private func parkedKeys(of model: Int64) throws -> Int {
        guard let data = try derivedTables().documents.document(Self.parkedKeys, of: model) else { return 0 }
        return (try? JSONText(parsing: data[...]))?.elements?.count ?? 1
    }

    /// Whether a read model is an inbox's: its checkpoint is a revision, and says nothing of the log.
    private func isInbox(_ model: Int64) throws -> Bool {
        let other = try connection.prepare(
            "SELECT 1 FROM documents WHERE model = ? AND key >= char(31) AND key < char(32) AND key <> ? LIMIT 1")
        other.bind(1, model)
        other.bind(2, Self.parkedKeys)
        return try other.step()
    }
}

extension String {
    /// What stands behind a prefix; nil when the text does not begin with it.
    fileprivate func suffix(behind prefix: String) -> String? {
        hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil
    }
}
