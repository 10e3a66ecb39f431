#if JetStream
import DaybookCore

/// The subjects of a read model in the key-value bucket.
///
/// | Key | Holds |
/// | --- | --- |
/// | `m.<model>.h` | the ``ModelHead``, with every change the last message |
/// | `m.<model>.<epoch>.k<key>` | a document, a ``DocumentRecord`` |
/// | `p.<model>.<epoch>.k<key>.<generation>.<number>` | a piece of a large document |
/// | `g.<model>.<epoch>.<generation>.<number>` | a part of the documents of a large change |
struct ModelSubjects: Sendable {
    /// A protocol line of a server has 4 KiB, for a subject and what else a request names.
    private static let longestSubject = 3_500

    let model: ReadModelName
    private let prefix: String
    private let name: String

    init(_ model: ReadModelName, in bucketPrefix: String) {
        self.model = model
        prefix = bucketPrefix
        name = BucketKey.token(model.rawValue)
    }

    var head: String { "\(prefix)m.\(name).h" }

    /// The heads of all models.
    static func heads(in bucketPrefix: String) -> String { bucketPrefix + "m.*.h" }

    /// The model whose head is on a subject; nil when it is that of none.
    static func model(ofHead subject: String, in bucketPrefix: String) -> ReadModelName? {
        guard let token = subject.token(between: bucketPrefix + "m.", and: ".h") else { return nil }
        return BucketKey.text(of: token).map { ReadModelName(unchecked: $0) }
    }

    /// The head and all documents. A read of this from anywhere before a head meets that head, or a later one, where it is asked of
    /// a replica that has come so far: so it tells by itself whether it has seen everything.
    var headAndDocuments: String { "\(prefix)m.\(name).>" }

    func document(_ key: String, _ epoch: UInt64) -> String {
        "\(prefix)m.\(name).\(Self.number(epoch)).k\(BucketKey.token(key))"
    }

    func piece(_ number: Int64, of key: String, _ epoch: UInt64, _ generation: UInt64) -> String {
        "\(prefix)p.\(name).\(Self.number(epoch)).k\(BucketKey.token(key)).\(Self.number(generation)).\(number)"
    }

    func pieces(of key: String, _ epoch: UInt64, _ generation: UInt64) -> String {
        "\(prefix)p.\(name).\(Self.number(epoch)).k\(BucketKey.token(key)).\(Self.number(generation)).*"
    }

    func part(_ number: Int64, _ epoch: UInt64, _ generation: UInt64) -> String {
        "\(prefix)g.\(name).\(Self.number(epoch)).\(Self.number(generation)).\(number)"
    }

    func parts(_ epoch: UInt64, _ generation: UInt64) -> String {
        "\(prefix)g.\(name).\(Self.number(epoch)).\(Self.number(generation)).*"
    }

    /// With what the subjects of all documents begin.
    func documents(_ epoch: UInt64) -> String { "\(prefix)m.\(name).\(Self.number(epoch)).k" }

    /// Everything that the model has beside its head.
    func everything(_ epoch: UInt64) -> [String] {
        ["m", "p", "g"].map { "\(prefix)\($0).\(name).\(Self.number(epoch)).>" }
    }

    /// Refuses a key that is too long for a subject.
    func check(_ key: String) throws(DerivedStateError) {
        let bytes = piece(1_000_000, of: key, .max, .max).utf8.count
        guard bytes <= Self.longestSubject else {
            throw .storageFailed(
                reason:
                    "unsupported by JetStream: the document key '\(key.prefix(100))…' of read model '\(model)' makes a "
                    + "subject of \(bytes) bytes, and at most \(Self.longestSubject) are possible; use a shorter key")
        }
    }

    private static func number(_ number: UInt64) -> String { String(number, radix: 36) }
}

/// Names as tokens of the bucket's keys.
enum BucketKey {
    /// Characters that a key cannot have are `=` and two hexadecimal digits a byte.
    static func token(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                bytes.append(byte)
            default: bytes += [UInt8(ascii: "="), digits[Int(byte >> 4)], digits[Int(byte & 0xF)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The text that ``token(_:)`` makes a token of; nil when it makes it of none.
    static func text(of token: String) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(token.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "=") else {
                bytes.append(byte)
                continue
            }
            guard let high = value(ofHex: rest.popFirst()), let low = value(ofHex: rest.popFirst()) else { return nil }
            bytes.append(high << 4 | low)
        }
        guard let text = String(validating: bytes, as: UTF8.self), Self.token(text).hasSameBytes(as: token) else {
            return nil
        }
        return text
    }

    private static func value(ofHex digit: UInt8?) -> UInt8? {
        guard let digit else { return nil }
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): return digit - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): return digit - UInt8(ascii: "A") + 10
        default: return nil
        }
    }
}

extension String {
    /// What stands between a beginning and an end; nil when the text does not have both.
    func token(between beginning: String, and end: String) -> String? {
        guard utf8.count > beginning.utf8.count + end.utf8.count, utf8.starts(with: beginning.utf8),
            utf8.suffix(end.utf8.count).elementsEqual(end.utf8)
        else { return nil }
        return String(Substring(utf8.dropFirst(beginning.utf8.count).dropLast(end.utf8.count)))
    }
}
#endif
