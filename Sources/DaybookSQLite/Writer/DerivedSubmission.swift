import DaybookCore

/// A change of derived state (a checkpoint, a snapshot, documents) on its way to the writer.
struct DerivedSubmission: Sendable {
    typealias Outcome = Result<Void, DerivedStateError>

    /// Makes the change within the writer's transaction. It may run twice, when the transaction has to be repeated.
    let change: @Sendable (DerivedTables) throws -> Outcome
    let finish: @Sendable (Outcome) -> Void
}
