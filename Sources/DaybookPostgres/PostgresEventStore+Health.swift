#if Postgres
import DaybookCore

extension PostgresEventStore: HealthReporting {
    public func health(_ policy: HealthPolicy) async throws(ReadError) -> StoreHealth {
        let saved = try await read { connection in
            let rows = try connection.run([DerivedStatements.checkpoints.with(), DocumentStatements.checkpoints.with()])
            return SavedPositions(checkpoints: Self.entries(rows[0]), readModels: Self.entries(rows[1]))
        }
        return try await saved.health(of: self, policy, at: configuration.time.now)
    }

    private static func entries(_ rows: Rows) -> [SavedPositions.Entry] {
        (0..<rows.count).map { SavedPositions.Entry(name: rows.text($0, 0), position: Position(rows.integer($0, 1))) }
    }
}
#endif
