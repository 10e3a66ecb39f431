/// Runs a handler, and cancels it when it takes too long. Its own answer counts, however late it comes.
struct HandlerDeadline: Sendable {
    let limit: Duration
    let clock: any Clock<Duration>

    /// Why a handler failed that was cancelled because it took too long.
    private struct Overdue: Error, CustomStringConvertible {
        let limit: Duration
        let reason: String
        var description: String { "The handler had not returned after \(limit), and was cancelled: \(reason)" }
    }

    func run(_ handler: @escaping @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await handler()
                return true
            }
            group.addTask { [clock, limit] in
                try? await clock.sleep(for: limit)
                return false
            }
            let isHandled = try await group.next() ?? true
            group.cancelAll()
            guard !isHandled else { return }
            do {
                _ = try await group.next()
            } catch  where !(error is ParkEvent) {
                throw Overdue(limit: limit, reason: String(describing: error))
            }
        }
    }
}
