import Testing

/// Looks again and again whether something holds, for at most a minute.
public func eventually(
    _ what: Comment, _ holds: () async throws -> Bool, sourceLocation: SourceLocation = #_sourceLocation
) async throws {
    let end = ContinuousClock.now + .seconds(60)
    while try await !holds() {
        guard ContinuousClock.now < end else {
            Issue.record("It did not come about that \(what).", sourceLocation: sourceLocation)
            return
        }
        try await Task.sleep(for: .milliseconds(5))
    }
}
