#if Postgres
import DaybookCore

extension InlineReadModels {
    /// Brings read models that are new, or were not taken along the last time, up to the log's end.
    ///
    /// - Throws: ``PostgresOpenError/refused(schema:by:reason:)`` when one cannot take an event.
    static func catchUp(_ configuration: PostgresEventStore.Configuration, on connection: Connection) throws {
        let lockKey = Schema.lockKey(of: configuration.schema)
        for model in configuration.inlineReadModels {
            while true {
                let rows = try connection.run([
                    Statement.begin.with(), Schema.lock.with { $0.add(lockKey) },
                    DocumentStatements.create.with { $0.add(model.name.rawValue) },
                    DocumentStatements.hold.with { $0.add(model.name.rawValue) }, HeadListener.head.with(),
                ])
                let next = rows[3].integer(0, 0) + 1
                let head = rows[4].integer(0, 0)
                guard next <= head else {
                    _ = try connection.run(Statement.commit.with())
                    break
                }
                do {
                    let end = min(head, next + eventsPerTransaction - 1)
                    let found = try connection.run(
                        EventRows.log(forward: true, controls: true).exact.with {
                            $0.add(next)
                            $0.add(end)
                            $0.add(Int64(eventsPerTransaction))
                        })
                    let events = EventRows.events(found)
                    var models = InlineReadModels([model], on: connection)
                    if let refusal = try models.apply(events) {
                        guard case .refused(_, let reason) = refusal else { throw refusal }
                        throw PostgresOpenError.refused(schema: configuration.schema, by: model.name, reason: reason)
                    }
                    let through = events.last?.position.rawValue ?? end
                    try connection.run(models.commands(head: through) + [Statement.commit.with()])
                } catch {
                    if !connection.isLost { _ = try? connection.run(Statement.rollBack.with()) }
                    throw error
                }
            }
        }
    }

    private static let eventsPerTransaction: Int64 = 1000
}
#endif
