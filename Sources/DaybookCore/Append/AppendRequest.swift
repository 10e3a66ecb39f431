/// One atomic change of the log: all of its writes, or none.
///
/// ```swift
/// var request = AppendRequest(commandID: "transfer-17")
/// request.append([withdrawn], to: "account-1", expecting: .version(4))
/// request.append([deposited], to: "account-2", expecting: .version(9))
/// request.check("limits-2026", at: .version(0))
/// let result = try await store.append(request)
/// ```
public struct AppendRequest: Sendable, Hashable {
    /// At most one for each stream.
    public var writes: [StreamWrite]
    /// What must hold of streams that were read for the decision but are not written.
    public var checks: [StreamCheck]
    public var condition: AppendCondition?
    /// The same identifier always returns the first result; see ``EventStore/append(_:)``.
    public var commandID: CommandID?

    public init(
        writes: [StreamWrite] = [], checks: [StreamCheck] = [], condition: AppendCondition? = nil,
        commandID: CommandID? = nil
    ) {
        self.writes = writes
        self.checks = checks
        self.condition = condition
        self.commandID = commandID
    }

    public mutating func append(
        _ events: [NewEvent], to stream: StreamName, expecting expected: ExpectedVersion = .any
    ) {
        writes.append(StreamWrite(stream: stream, expected: expected, action: .append(events)))
    }

    public mutating func check(_ stream: StreamName, at expected: ExpectedVersion) {
        checks.append(StreamCheck(stream: stream, expected: expected))
    }
}
