import Testing

/// Waits, for a bounded time, until something is so.
func eventually(_ what: String, _ holds: () async throws -> Bool) async throws {
    let clock = ContinuousClock()
    let end = clock.now + .seconds(300)
    while try await !holds() {
        guard clock.now < end else {
            Issue.record("not within 300 s: \(what)")
            return
        }
        try await Task.sleep(for: .milliseconds(5))
    }
}
