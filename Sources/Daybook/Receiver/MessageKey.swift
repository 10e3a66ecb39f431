import DaybookCore

/// What is in order among each other, of the messages of a receiver; or the origin of one. Two keys are one only when their
/// UTF-8 is the same.
struct MessageKey: Hashable, Sendable {
    let text: String
    /// Letters, digits and `-._~` of ASCII as they are, every other byte as `%2F`: no name of a document is the beginning of
    /// another's, and texts that are equal in other bytes are two. What would have more than 200 bytes is its beginning, `=` and
    /// the SHA-256 of the text: stores bound the keys of documents, and a name that is another's would lose a message.
    let encoded: String

    init(_ text: String) {
        self.text = text
        encoded = Self.encoded(text)
    }

    /// Of an event its ordering key; what is no event stands for itself.
    init(_ message: ReceivedMessage) {
        switch message.content {
        case .success(let event): self.init(event.orderingKey)
        case .failure: self.init(message.origin)
        }
    }

    static func == (left: Self, right: Self) -> Bool { left.encoded == right.encoded }

    func hash(into hasher: inout Hasher) { hasher.combine(encoded) }

    private static func encoded(_ text: String) -> String {
        var name: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                name.append(byte)
            default: name += "%\(byte < 16 ? "0" : "")\(String(byte, radix: 16, uppercase: true))".utf8
            }
        }
        guard name.count > 200 else { return String(decoding: name, as: UTF8.self) }
        return String(decoding: name.prefix(100), as: UTF8.self) + "=" + SecureHash.sha256(text.utf8)
    }
}
