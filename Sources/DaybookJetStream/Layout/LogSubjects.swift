#if JetStream
import DaybookCore

/// The subjects of a store's log. Names become tokens: what NATS gives a meaning (`.`, `*`, `>`, blanks), `%`, `~`, quotes
/// and everything beyond ASCII is written as `%` and two hexadecimal digits a byte.
///
/// | Subject | Holds |
/// | --- | --- |
/// | `es.<store>.e.<part>.<category>.<id>` | the events of a stream, and its settings and deletions |
/// | `es.<store>.t.<tag>` | a marker for each append with events of this tag |
/// | `es.<store>.r.<command>` | the receipt of a command |
/// | `es.<store>.i` | how far the log was imported from another store, with each part of it |
/// | `es.<store>.x` | nothing; carries an expectation that no other message of an append has room for |
struct LogSubjects: Sendable {
    /// The store's name.
    let store: String
    /// The JetStream stream.
    let stream: String
    let prefix: String
    /// Every event.
    let events: String
    let filler: String
    /// How far the log was imported.
    let imports: String
    /// Every receipt.
    let receipts: String
    /// Everything.
    let all: String
    /// Where the leader publishes the headers of each event that it has stored, for those who wait for it.
    let stored: String

    /// The partitions, by which consumer groups share a log.
    static let partitions: UInt64 = 64

    init(store: String) {
        self.store = store
        stream = "ES_" + store
        prefix = "es.\(store)."
        events = prefix + "e.>"
        filler = prefix + "x"
        imports = prefix + "i"
        receipts = prefix + "r.>"
        all = prefix + ">"
        stored = "es-stored.\(store).>"
    }

    func subject(of tag: Tag) -> String { prefix + "t." + Self.token(tag.rawValue) }

    func subject(of command: CommandID) -> String { prefix + "r." + Self.token(command.rawValue) }

    /// The command whose receipt is on a subject; nil when it is none of a receipt.
    func command(of subject: String) -> CommandID? {
        let start = prefix + "r."
        guard subject.utf8.starts(with: start.utf8) else { return nil }
        var bytes: [UInt8] = []
        Self.decode(Substring(subject).utf8.dropFirst(start.utf8.count), into: &bytes)
        return CommandID(unchecked: String(decoding: bytes, as: UTF8.self))
    }

    /// The subject of a stream's events, which is that of its control stream too. Nil for the control stream of a control
    /// stream, and of no stream at all, which nobody can write.
    func subject(of stream: StreamName) -> String? {
        var stream = stream
        if let controlled = stream.controlled {
            guard !controlled.isControl, !controlled.rawValue.isEmpty else { return nil }
            stream = controlled
        }
        let part = Self.partition(of: stream)
        return prefix + "e." + Self.token(partition: part) + "." + Self.tokens(of: stream)
    }

    /// Two tokens: the stream's category and the rest of its name.
    static func tokens(of stream: StreamName) -> String {
        token(category: stream.category) + "."
            + (stream.id.map { $0.isEmpty ? "~~" : token(String($0)) } ?? "~")
    }

    static func token(partition: UInt64) -> String { partition < 10 ? "0\(partition)" : String(partition) }

    /// The subjects of all streams of a category, and of their control streams.
    func subjects(of category: Category) -> String {
        var text = category.rawValue
        if text.utf8.starts(with: StreamName.controlPrefix.utf8) {
            text = String(Substring(text.utf8.dropFirst(StreamName.controlPrefix.utf8.count)))
        }
        return prefix + "e.*." + Self.token(category: Category(unchecked: text)) + ".*"
    }

    /// The stream whose events are on a subject; nil when it is none of a stream.
    func stream(of subject: String) -> StreamName? {
        let utf8 = subject.utf8
        guard utf8.starts(with: prefix.utf8) else { return nil }
        let tokens = utf8.dropFirst(prefix.utf8.count).split(separator: UInt8(ascii: "."))
        guard tokens.count == 4, tokens[0].elementsEqual("e".utf8) else { return nil }
        var bytes: [UInt8] = []
        if !tokens[2].elementsEqual("~".utf8) { Self.decode(tokens[2], into: &bytes) }
        if !tokens[3].elementsEqual("~".utf8) {
            bytes.append(UInt8(ascii: "-"))
            if !tokens[3].elementsEqual("~~".utf8) { Self.decode(tokens[3], into: &bytes) }
        }
        return StreamName(unchecked: String(decoding: bytes, as: UTF8.self))
    }

    /// FNV-1a of the name's bytes, modulo ``partitions``: fixed for good, since it is part of the subject.
    static func partition(of stream: StreamName) -> UInt64 { hash(stream.rawValue) % partitions }

    static func hash(_ name: String) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return hash ^ hash >> 32
    }

    private static func token(category: Category) -> String {
        category.rawValue.isEmpty ? "~" : token(category.rawValue)
    }

    static func token(_ text: String) -> String {
        if text.utf8.allSatisfy(isPlain) { return text }
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if isPlain(byte) {
                bytes.append(byte)
            } else {
                bytes.append(UInt8(ascii: "%"))
                bytes.append(digits[Int(byte >> 4)])
                bytes.append(digits[Int(byte & 0xF)])
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "."), UInt8(ascii: "*"), UInt8(ascii: ">"), UInt8(ascii: "%"), UInt8(ascii: "~"),
            UInt8(ascii: "\""), UInt8(ascii: "\\"):
            false
        default: byte > 0x20 && byte < 0x7F
        }
    }

    private static func decode(_ token: Substring.UTF8View.SubSequence, into bytes: inout [UInt8]) {
        var index = token.startIndex
        while index < token.endIndex {
            let byte = token[index]
            index = token.index(after: index)
            if byte == UInt8(ascii: "%"), index < token.endIndex {
                let high = token[index]
                index = token.index(after: index)
                guard index < token.endIndex else { return }
                let low = token[index]
                index = token.index(after: index)
                bytes.append(value(ofHex: high) << 4 | value(ofHex: low))
            } else {
                bytes.append(byte)
            }
        }
    }

    private static func value(ofHex digit: UInt8) -> UInt8 {
        digit < UInt8(ascii: "A") ? digit &- UInt8(ascii: "0") : digit &- UInt8(ascii: "A") &+ 10
    }
}
#endif
