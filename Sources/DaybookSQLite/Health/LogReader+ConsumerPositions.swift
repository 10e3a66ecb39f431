import DaybookCore

extension LogReader {
    /// Everything that keeps its position in this file, by kind and name.
    func consumerPositions(head: Int64) throws -> [ConsumerPosition] {
        var found: [ConsumerPosition] = []
        var processes: Set<Category> = []
        let checkpoints = try connection.prepare("SELECT name, position FROM checkpoints ORDER BY name")
        while try checkpoints.step() {
            found.append(ConsumerPosition(checkpoint: checkpoints.text(0), at: Position(checkpoints.integer(1))))
        }
        let models = try connection.prepare("SELECT id, name, position FROM read_models ORDER BY name")
        while try models.step() {
            let (model, name) = (models.integer(0), models.text(1))
            let kind = ReadModelKind(of: name)
            if let process = kind.process { processes.insert(process) }
            switch kind {
            case .consumerGroup(let group): found.append(try position(ofGroup: group, model))
            case .documents:
                let documents = try derivedTables().documents
                guard try documents.document(ReservedDocument.inbox, of: model) == nil else { continue }
                found.append(
                    ConsumerPosition(
                        readModel: name, at: Position(models.integer(2)),
                        parkedKeys: try documents.document(ReservedDocument.parkedKeys, of: model)))
            case .processTimers, .other: continue
            }
        }
        for category in processes.sorted() {
            if let position = try position(ofProcess: category, head: head) { found.append(position) }
        }
        return found
    }

    private func position(ofGroup name: String, _ model: Int64) throws -> ConsumerPosition {
        let documents = try derivedTables().documents
        var held = 0
        try documents.forEach(of: model, prefix: ConsumerPosition.heldPrefix) { data in
            held += ConsumerPosition.heldEvents(in: data)
        }
        let document = try documents.document(ConsumerPosition.groupDocument, of: model)
        return ConsumerPosition(group: name, document: document, held: held)
    }

    private func position(ofProcess category: Category, head: Int64) throws -> ConsumerPosition? {
        let progress = ConsumerPosition.progressStream(of: category)
        guard let stream = try names.number(.stream, progress.rawValue),
            let last = try index.last(under: IndexKey(kind: .stream, key: stream), atOrBelow: head)
        else { return nil }
        let data = try withRecord(at: last.number) { record throws(StoreFailure) in
            Array(record.bytes[record.dataOffset..<record.dataOffset + record.dataLength])
        }
        return ConsumerPosition(process: category, progress: data[...], at: Position(last.number))
    }
}
