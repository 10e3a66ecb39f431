import Dispatch
import Foundation

/// Does work until it returns, or until a person or the system asks the program to end: then its task is cancelled, and what it
/// throws because of that is no failure.
func untilInterrupted(_ work: @escaping @Sendable () async throws -> Void) async throws {
    let task = Task { try await work() }  // Awaited below, and cancelled by the signals and by the caller.
    let sources = [SIGINT, SIGTERM].map { number in
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number)
        source.setEventHandler { task.cancel() }
        source.activate()
        return source
    }
    defer { for source in sources { source.cancel() } }
    do {
        try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            task.cancel()
        }
    } catch {
        guard task.isCancelled else { throw error }
    }
}
