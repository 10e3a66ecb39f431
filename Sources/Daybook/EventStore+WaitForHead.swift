import DaybookCore

extension EventStore {
    /// Waits for the log to grow beyond a position, or for a moment to come, whichever is first.
    package func waitForHead<C: Clock>(
        beyond position: Position, until deadline: C.Instant?, on clock: C
    ) async throws(ReadError) where C.Duration == Duration {
        guard let deadline else {
            _ = try await head(beyond: position)
            return
        }
        let result = await withTaskGroup(of: Result<Void, ReadError>.self) { group in
            group.addTask {
                do throws(ReadError) {
                    _ = try await head(beyond: position)
                    return .success(())
                } catch {
                    return .failure(error)
                }
            }
            group.addTask {
                do {
                    try await clock.sleep(until: deadline, tolerance: nil)
                    return .success(())
                } catch {
                    return .failure(.cancelled)
                }
            }
            let first = await group.next() ?? .success(())
            group.cancelAll()
            return first
        }
        try result.get()
    }
}
