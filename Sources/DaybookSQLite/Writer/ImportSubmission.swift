import DaybookCore

/// Events or receipts of another store on their way to the writer.
struct ImportSubmission: Sendable {
    typealias Outcome = Result<Void, LogCopyError>

    /// Records them within the writer's transaction. It may run twice, when the transaction has to be repeated.
    let change: @Sendable (LogWriter) throws -> Void
    let finish: @Sendable (Outcome) -> Void
}
