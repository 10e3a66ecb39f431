#if JetStream
/// The server's acknowledgement of a message or of an atomic batch: it is stored, on a majority of the replicas.
struct PublishAck: Sendable, Equatable {
    /// The sequence of the message, of a batch the last one's.
    var sequence: Int64
    /// Whether the server knew the message by its `Nats-Msg-Id`.
    var isDuplicate: Bool

    /// Reads `{"stream":"ES","seq":1}` or `{"error":{"code":400,"err_code":10071,"description":"…"},…}`.
    static func read(_ bytes: UnsafeRawBufferPointer) -> Result<PublishAck, ConnectionFailure> {
        if let error = bytes.firstRange(of: "\"error\":{") {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[error...])
            let code = rest.number(after: "\"err_code\":") ?? rest.number(after: "\"code\":") ?? 0
            return .failure(.refused(code: Int(code), description: rest.text(after: "\"description\":\"") ?? "unknown"))
        }
        guard let sequence = bytes.number(after: "\"seq\":"), sequence > 0 else {
            return .failure(.unreadable(String(decoding: bytes.prefix(200), as: UTF8.self)))
        }
        // Servers write a blank there.
        let isDuplicate =
            bytes.firstRange(of: "\"duplicate\": true") != nil || bytes.firstRange(of: "\"duplicate\":true") != nil
        return .success(PublishAck(sequence: sequence, isDuplicate: isDuplicate))
    }
}

extension UnsafeRawBufferPointer {
    /// Where a text ends at its first occurrence. What is searched is short.
    func firstRange(of text: StaticString) -> Int? {
        let length = text.utf8CodeUnitCount
        guard count >= length else { return nil }
        let wanted = UnsafeRawBufferPointer(start: text.utf8Start, count: length)
        for start in 0...(count - length) where self[start] == wanted[0] {
            if self[start..<start + length].elementsEqual(wanted) { return start + length }
        }
        return nil
    }

    fileprivate func number(after text: StaticString) -> Int64? {
        guard var index = firstRange(of: text) else { return nil }
        var number: Int64?
        while index < count, (48...57).contains(self[index]) {
            number = (number ?? 0) &* 10 &+ Int64(self[index] - 48)
            index += 1
        }
        return number
    }

    fileprivate func text(after text: StaticString) -> String? {
        guard let start = firstRange(of: text) else { return nil }
        return String(decoding: self[start...].prefix { $0 != UInt8(ascii: "\"") }, as: UTF8.self)
    }
}
#endif
