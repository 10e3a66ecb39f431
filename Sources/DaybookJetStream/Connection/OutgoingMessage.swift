#if JetStream
/// A message to be published: a subject, headers and a body.
struct OutgoingMessage: Sendable {
    var subject: String
    var headers: [(name: String, value: String)]
    var body: [UInt8]

    init(subject: String, headers: [(name: String, value: String)] = [], body: [UInt8] = []) {
        self.subject = subject
        self.headers = headers
        self.body = body
    }
}

/// Messages that are published one behind the other.
struct OutgoingGroup: @unchecked Sendable {
    let messages: [OpaquePointer]
    let token: UInt64?
}
#endif
