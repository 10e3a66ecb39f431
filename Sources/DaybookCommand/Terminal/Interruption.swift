import Dispatch
import Foundation

/// Runs work until it is done, or until the person presses Control-C or the system asks the program to end: then the work
/// is cancelled, and ends in good order.
///
/// - Returns: The work's result; nil when a signal ended it.
func runUntilInterrupted<Result: Sendable>(_ work: @escaping @Sendable () async throws -> Result) async throws
    -> Result?
{
    let task = Task { try await work() }  // Owned here: awaited below, and cancelled by the signals and by the caller.
    let sources = [SIGINT, SIGTERM].map { signal in
        Foundation.signal(signal, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: signal)
        source.setEventHandler { task.cancel() }
        source.activate()
        return source
    }
    defer {
        for source in sources { source.cancel() }
        for signal in [SIGINT, SIGTERM] { Foundation.signal(signal, SIG_DFL) }
    }
    do {
        return try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            task.cancel()
        }
    } catch {
        if task.isCancelled, !(error is CommandFailure), !(error is StandardOutput.Closed) { return nil }
        throw error
    }
}
