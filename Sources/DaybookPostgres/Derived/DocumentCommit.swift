#if Postgres
import DaybookCore

/// Changes the documents and the checkpoint of a read model in one transaction.
struct DocumentCommit {
    private let batch: DocumentBatch
    /// Left in the model's row: when the answer to the commit is lost, tells whether it took effect.
    private let token: EventID

    init(_ batch: DocumentBatch, _ token: EventID) {
        self.batch = batch
        self.token = token
    }

    /// - Returns: Why the batch was refused; nil when it took effect, also when it had done so before.
    func run(on connection: Connection) throws -> DerivedStateError? {
        let model = batch.model
        let rows = try connection.run(
            [
                Statement.begin.with(), DocumentStatements.create.with { $0.add(model.rawValue) },
                DocumentStatements.hold.with { $0.add(model.rawValue) },
                DocumentStatements.find.with {
                    $0.add(model.rawValue)
                    $0.addArray(batch.expected.keys.map { Array($0.utf8) })
                },
            ])
        guard rows[2].count > 0 else {
            // Deleted between the two statements; the next attempt makes it anew.
            throw ServerFailure(
                sqlState: "40001", message: "the read model was deleted meanwhile", isConnectionLost: false)
        }
        if !rows[2].isNull(0, 1), rows[2].id(0, 1) == token {
            try connection.run(Statement.rollBack.with())
            return nil
        }
        let position = Position(rows[2].integer(0, 0))
        var refusal: DerivedStateError?
        if position != batch.previous {
            refusal = .checkpointMoved(model: model, expected: batch.previous, actual: position)
        } else if !batch.expected.isEmpty {
            var found: [[UInt8]: [UInt8]] = [:]
            for row in 0..<rows[3].count { found[Array(rows[3].bytes(row, 0))] = Array(rows[3].bytes(row, 1)) }
            for (key, data) in batch.expected where found[Array(key.utf8)] != data {
                refusal = .documentChanged(model: model, key: key)
                break
            }
        }
        if let refusal {
            try connection.run(Statement.rollBack.with())
            return refusal
        }
        try connection.run(
            DocumentStatements.changes(batch.changes, of: model) + [
                DocumentStatements.move.with {
                    $0.add(model.rawValue)
                    $0.add(batch.checkpoint.rawValue)
                    $0.add(token)
                }, Statement.commit.with(),
            ])
        return nil
    }
}
#endif
