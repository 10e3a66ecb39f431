import DaybookCore

extension SQLiteEventStore: CopyableStore {
    @discardableResult
    public func importEvents(_ events: [RecordedEvent]) async throws(LogCopyError) -> [Position] {
        try await submit { try $0.importEvents(events) }
        return events.map(\.position)
    }

    public func importCommands(_ commands: [RecordedCommand]) async throws(LogCopyError) {
        try await submit { try $0.importCommands(commands) }
    }

    private func submit(_ change: @escaping @Sendable (LogWriter) throws -> Void) async throws(LogCopyError) {
        guard !Task.isCancelled else { throw .cancelled }
        let outcome: ImportSubmission.Outcome = await withUnsafeContinuation { continuation in
            let submission = ImportSubmission(change: change) { continuation.resume(returning: $0) }
            if !committer.submit(.importing(submission)) { continuation.resume(returning: .failure(.closed)) }
        }
        try outcome.get()
    }

    public func commands(after number: Int64, limit: Int) async throws(ReadError) -> [RecordedCommand] {
        try checkPageLimit(limit)
        return try await read { reader, head throws(StoreFailure) in
            try reader.commands(after: number, limit: limit, head: head)
        }
    }
}
