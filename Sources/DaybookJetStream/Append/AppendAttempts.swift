#if JetStream
import DaybookCore

/// How long an append goes on trying, and what is known of the attempts so far.
struct AppendAttempts {
    let deadline: ContinuousClock.Instant
    /// An attempt was sent of which nothing is known.
    var isAnyUnknown = false

    init(until deadline: ContinuousClock.Instant) { self.deadline = deadline }

    /// Waits for a random while of up to about a length, and doubles what comes after a failure that lasts.
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
