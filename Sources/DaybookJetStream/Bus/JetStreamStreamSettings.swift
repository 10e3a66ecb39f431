#if JetStream
/// How a JetStream stream is made when it is missing.
public struct JetStreamStreamSettings: Sendable, Hashable {
    /// How many servers keep it: 1 to 5. What is acknowledged is on a majority of them.
    public var replicas: Int
    /// For how long the servers know the identifiers of messages, so that one which comes twice is stored once.
    public var duplicateWindow: Duration
    /// After how long a message is removed; nil: never.
    public var maxAge: Duration?
    /// How large the stream grows before the oldest messages are removed; nil: without bound.
    public var maxBytes: Int64?

    public init(
        replicas: Int = 3, duplicateWindow: Duration = .seconds(120), maxAge: Duration? = nil, maxBytes: Int64? = nil
    ) {
        self.replicas = replicas
        self.duplicateWindow = duplicateWindow
        self.maxAge = maxAge
        self.maxBytes = maxBytes
    }
}
#endif
