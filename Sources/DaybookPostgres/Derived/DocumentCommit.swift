#if Postgres
import DaybookCore

/// Changes the documents and the checkpoint of a read model in one transaction, however often that has to be tried.
final class DocumentCommit {
    private let batch: DocumentBatch
    private let durability: PostgresDurability.Requirement
    /// Its token is left in the model's row.
    private var change = ChangeAttempt(token: EventID())

    init(_ batch: DocumentBatch, _ durability: PostgresDurability.Requirement) {
        self.batch = batch
        self.durability = durability
    }

    /// - Returns: Why the batch was refused, or that its outcome is not known; nil when it took effect, be it by an
    ///   earlier attempt.
    func run(on connection: Connection) throws -> DerivedStateError? {
        let model = batch.model
        let rows = try connection.run(
            [
                Statement.begin.with(), DocumentStatements.create.with { $0.add(model.rawValue) },
                DocumentStatements.hold.with { $0.add(model.rawValue) },
                DocumentStatements.find.with {
                    $0.add(model.rawValue)
                    $0.addArray(batch.expected.keys.map { Array($0.utf8) })
                }, PostgresDurability.settings.with(),
            ])
        try PostgresDurability(rows[4], server: connection.host).check(durability)
        guard rows[2].count > 0 else {
            // Deleted between the two statements; the next attempt makes it anew.
            throw ServerFailure(
                sqlState: "40001", message: "the read model was deleted meanwhile", isConnectionLost: false)
        }
        let tokens = rows[2].ids(0, 1)
        let outcome = change.outcome(by: tokens)
        if outcome == .tookEffect {
            // By a commit, since the standby may not have the one that was lost.
            try connection.commit(
                [DocumentStatements.confirm.with { $0.add(model.rawValue) }, Statement.commit.with()], durability)
            return nil
        }
        let position = Position(rows[2].integer(0, 0))
        var refusal: DerivedStateError?
        if outcome == .unknown {
            refusal = change.unknownOutcome(of: model)
        } else if position != batch.previous {
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
        change.noteSent(after: tokens)
        try connection.commit(
            DocumentStatements.changes(batch.changes, of: model) + [
                DocumentStatements.move.with {
                    $0.add(model.rawValue)
                    $0.add(batch.checkpoint.rawValue)
                    $0.add(change.token)
                }, Statement.commit.with(),
            ], durability)
        return nil
    }
}
#endif
