/// What must hold of a stream for an append to other streams to succeed.
public struct StreamCheck: Sendable, Hashable {
    public var stream: StreamName
    public var expected: ExpectedVersion

    public init(stream: StreamName, expected: ExpectedVersion) {
        self.stream = stream
        self.expected = expected
    }
}
