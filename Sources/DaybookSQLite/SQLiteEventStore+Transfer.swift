import DaybookCore

extension SQLiteEventStore: TransferableStore {
    public func takeOver(_ events: [RecordedEvent]) async throws(TransferError) {
        try await transfer { try $0.takeOver(events) }
    }

    public func takeOver(_ receipts: [RecordedCommand]) async throws(TransferError) {
        try await transfer { try $0.takeOver(receipts) }
    }

    private func transfer(_ change: @escaping @Sendable (LogWriter) throws -> Void) async throws(TransferError) {
        guard !Task.isCancelled else { throw .cancelled }
        let outcome: TransferSubmission.Outcome = await withUnsafeContinuation { continuation in
            let submission = TransferSubmission(change: change) { continuation.resume(returning: $0) }
            if !committer.submit(.transfer(submission)) { continuation.resume(returning: .failure(.closed)) }
        }
        try outcome.get()
    }

    public func receipts(after number: Int64, limit: Int) async throws(ReadError) -> [RecordedCommand] {
        try checkPageLimit(limit)
        return try await read { reader, head throws(StoreFailure) in
            try reader.receipts(after: number, limit: limit, head: head)
        }
    }
}
