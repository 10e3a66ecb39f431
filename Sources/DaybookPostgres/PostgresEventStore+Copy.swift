#if Postgres
import DaybookCore

extension PostgresEventStore: CopyableStore {
    @discardableResult
    public func importEvents(_ events: [RecordedEvent]) async throws(LogCopyError) -> [Position] {
        guard !events.isEmpty else { return [] }
        try await importing { connection, head, recordedAt in
            let names = Array(Set(events.map(\.stream)))
            let rows = try connection.run(CopyStatements.lastVersions.with { $0.addArray(names.map(\.rawValue)) })
            var versions: [StreamName: StreamVersion] = [:]
            for (row, name) in names.enumerated() {
                versions[name] = rows.optionalInteger(row, 0).map { StreamVersion($0) }
            }
            try LogCopyError.check(
                events, follow: Position(head), recordedAt: head == 0 ? nil : Timestamp(microseconds: recordedAt)
            ) { versions[$0] }
            let pending = events.map { event in
                GroupBasis.Pending(
                    stream: event.stream, version: event.version.rawValue,
                    event: NewEvent(
                        id: event.id, type: event.type, schemaVersion: event.schemaVersion,
                        contentType: event.contentType, data: Array(event.data), metadata: Array(event.metadata),
                        tags: event.tags),
                    recordedAt: event.recordedAt.microseconds)
            }
            var commands = [GroupStatements.events(pending, after: head, group: nil)]
            if let tags = GroupStatements.tags(pending, after: head) { commands.append(tags) }
            if let largest = GroupStatements.largest(of: pending, above: 0) { commands.append(largest.command) }
            return Import(commands: commands, events: events)
        }
        return events.map(\.position)
    }

    public func importCommands(_ commands: [RecordedCommand]) async throws(LogCopyError) {
        guard !commands.isEmpty else { return }
        try await importing { connection, head, _ in
            let streams = Set(commands.flatMap { $0.result.streams.map(\.stream) })
            let rows = try connection.run([
                GroupStatements.receipts.with { $0.addArray(commands.map(\.command.rawValue)) },
                CopyStatements.unknownStreams.with { $0.addArray(streams.map(\.rawValue)) },
            ])
            var known: [CommandID: Receipt] = [:]
            for row in 0..<rows[0].count {
                known[CommandID(unchecked: rows[0].text(row, 0))] = Receipt(rows[0], row: row)
            }
            let unknown = Set((0..<rows[1].count).map { StreamName(unchecked: rows[1].text($0, 0)) })
            var new: [(command: CommandID, receipt: Receipt)] = []
            for command in commands {
                guard command.result.position.rawValue <= head,
                    !command.result.streams.contains(where: { unknown.contains($0.stream) })
                else { throw LogCopyError.unknownResult(command: command.command) }
                let receipt = Receipt(digest: command.digest, result: command.result)
                if let known = known[command.command] {
                    guard known == receipt else { throw LogCopyError.commandDiffers(command: command.command) }
                } else {
                    known[command.command] = receipt
                    new.append((command.command, receipt))
                }
            }
            return Import(commands: GroupStatements.receipts(new).map { [$0] } ?? [], events: [])
        }
    }

    public func commands(after number: Int64, limit: Int) async throws(ReadError) -> [RecordedCommand] {
        try checkPageLimit(limit)
        return try await read { connection in
            let rows = try connection.run(
                CopyStatements.commands.with {
                    $0.add(number)
                    $0.add(Int64(limit))
                })
            return (0..<rows.count).map { row in
                let receipt = Receipt(rows, row: row)
                return RecordedCommand(
                    number: rows.integer(row, 7), command: CommandID(unchecked: rows.text(row, 0)),
                    digest: receipt.digest, result: receipt.result)
            }
        }
    }

    /// What is to be written in the transaction that has checked it.
    private struct Import {
        var commands: [Command]
        /// For inline read models.
        var events: [RecordedEvent]
    }

    /// Checks and writes under the store's lock, in one transaction, on a connection of its own.
    ///
    /// - Parameter body: Is told the last position, and when its event was recorded.
    private func importing(
        _ body: @escaping @Sendable (Connection, _ head: Int64, _ recordedAt: Int64) throws -> Import
    ) async throws(LogCopyError) {
        guard !Task.isCancelled else { throw .cancelled }
        let (address, configuration) = (address, configuration)
        let result = await Threads.run("daybook-import") {
            Result { () throws(LogCopyError) in try Self.importing(address, configuration, body) }
        }
        let head = try result.get()
        signal.publish(head)
        listener.announce(head)
    }

    /// - Returns: The last position after it.
    private static func importing(
        _ address: ServerAddress, _ configuration: Configuration,
        _ body: (Connection, Int64, Int64) throws -> Import
    ) throws(LogCopyError) -> Int64 {
        var mayBeWritten = false
        do {
            let connection = try Connection(address)
            try configuration.prepare(connection).check(configuration.durability)
            try InlineReadModels.catchUp(configuration, on: connection)
            let rows = try connection.run(
                [
                    Statement.begin.with(),
                    Schema.lock.with { $0.add(Schema.lockKey(of: configuration.schema)) }, GroupStatements.end.with(),
                ] + InlineReadModels.commands(for: configuration.inlineReadModels))
            let head = rows[2].optionalInteger(0, 0) ?? 0
            guard rows.dropFirst(3).allSatisfy({ $0.count > 0 && $0.integer(0, 0) == head }) else {
                throw LogCopyError.storageFailed(
                    reason: "\(address.shown): another process appends without this one's inline read models",
                    mayBeWritten: false)
            }
            let checked = try body(connection, head, rows[2].optionalInteger(0, 1) ?? .min)
            var commands = checked.commands
            let end = head + Int64(checked.events.count)
            if !checked.events.isEmpty, !configuration.inlineReadModels.isEmpty {
                var inline = InlineReadModels(configuration.inlineReadModels, on: connection)
                if case .refused(let name, let reason)? = try inline.apply(checked.events) {
                    throw LogCopyError.refused(by: name, reason: reason)
                }
                commands += inline.commands(head: end)
            }
            mayBeWritten = true
            try connection.commit(commands + [Statement.commit.with()], configuration.durability)
            return end
        } catch let error as LogCopyError {
            throw error
        } catch {
            let isLost = (error as? ServerFailure)?.isConnectionLost ?? false
            throw .storageFailed(reason: "\(address.shown): \(error)", mayBeWritten: mayBeWritten && isLost)
        }
    }
}

private enum CopyStatements {
    static let lastVersions = Statement(
        "last_versions",
        """
        SELECT e.version FROM unnest($1::text[]) WITH ORDINALITY n(name, number)
        LEFT JOIN LATERAL (
            SELECT version FROM events WHERE stream = n.name ORDER BY version DESC LIMIT 1
        ) e ON true
        ORDER BY n.number
        """)

    static let unknownStreams = Statement(
        "unknown_streams",
        """
        SELECT name FROM unnest($1::text[]) n(name)
        WHERE NOT EXISTS (SELECT FROM events WHERE stream IN (n.name, '$$' || n.name))
        """)

    static let commands = Statement(
        "commands",
        """
        SELECT command, digest, position, event_count, recorded_at, streams, versions, number
        FROM receipts WHERE number > $1::bigint ORDER BY number LIMIT $2::bigint
        """)
}
#endif
