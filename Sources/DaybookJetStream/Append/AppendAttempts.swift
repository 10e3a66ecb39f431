#if JetStream
import DaybookCore

/// How long an append goes on trying, and what is known of the attempts so far.
struct AppendAttempts {
    let deadline: ContinuousClock.Instant
    /// The plans that were sent and of which nothing is known.
    private(set) var unknown: [AppendPlan] = []
    /// The plans that a leader refused, and another one may store: where the stream has grown, they are looked for.
    private(set) var refused: [AppendPlan] = []
    private var conflicts = 0

    /// Whether an attempt may be stored.
    var isAnyUnknown: Bool { !unknown.isEmpty || !refused.isEmpty }

    init(until deadline: ContinuousClock.Instant) { self.deadline = deadline }

    /// Notes what a failure says of the plan that was sent.
    mutating func note(_ failure: ConnectionFailure, of plan: AppendPlan) {
        guard failure.mayBeStored else { return }
        if case .refused = failure, !failure.isPassing {
            noteRefused(plan)
        } else if !unknown.contains(where: { $0.number == plan.number }) {
            unknown.append(plan)
        }
    }

    private mutating func noteRefused(_ plan: AppendPlan) {
        if !refused.contains(where: { $0.number == plan.number }) { refused.append(plan) }
        // Each is followed by one that knows more; what stays unknown for so long is not stored any more.
        if refused.count > Self.refusedLimit { refused.removeFirst() }
    }

    private static let refusedLimit = 64

    /// Notes that a plan is not stored, and never will be.
    mutating func ruleOut(_ plan: AppendPlan) {
        unknown.removeAll { $0.number == plan.number }
        refused.removeAll { $0.number == plan.number }
    }

    /// Waits after a refusal by another writer: longer each time, since a leader that is cut off refuses again and again.
    mutating func pause(afterConflict failure: ConnectionFailure) async throws(AppendError) {
        conflicts += 1
        try await pause(of: .milliseconds(1 << min(conflicts - 1, 5)), after: failure)
    }

    /// Waits for a random while of about a length, unless the time for trying is over.
    func pause(of length: Duration, after failure: ConnectionFailure) async throws(AppendError) {
        guard ContinuousClock.now < deadline else { throw error(failure) }
        do { try await Task.sleep(for: length * Double.random(in: 0.3...1.3)) } catch {
            throw .cancelled(mayBeWritten: isAnyUnknown)
        }
    }

    func error(_ failure: ConnectionFailure) -> AppendError {
        switch failure {
        case .cancelled: .cancelled(mayBeWritten: isAnyUnknown)
        case .closed where !isAnyUnknown: .closed
        default: .storageFailed(reason: failure.reason, mayBeWritten: isAnyUnknown)
        }
    }

    func error(reading error: ReadError) -> AppendError {
        switch error {
        case .cancelled: .cancelled(mayBeWritten: isAnyUnknown)
        case .closed where !isAnyUnknown: .closed
        default: .storageFailed(reason: error.description, mayBeWritten: isAnyUnknown)
        }
    }
}
#endif
