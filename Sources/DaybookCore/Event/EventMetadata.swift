#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Who did what and why: the standard keys of an event's metadata, which is a JSON object.
///
/// The correlation identifier is the same for all that follows from one request; the causation identifier names the
/// command or event that directly caused this one. Other keys of the object are kept in ``additional`` when their
/// values are strings; an event's ``RecordedEvent/metadata`` always has the bytes as they were appended.
public struct EventMetadata: Sendable, Hashable {
    public var correlationID: String?
    public var causationID: String?
    /// On whose behalf: a person or a program.
    public var actor: String?
    /// Why, in the actor's words.
    public var reason: String?
    /// W3C trace context, `traceparent`: https://www.w3.org/TR/trace-context/
    public var traceParent: String?
    /// When it happened in the world, where that differs from when it was recorded.
    public var occurredAt: Timestamp?
    public var additional: [String: String]

    public init(
        correlationID: String? = nil, causationID: String? = nil, actor: String? = nil, reason: String? = nil,
        traceParent: String? = nil, occurredAt: Timestamp? = nil, additional: [String: String] = [:]
    ) {
        self.correlationID = correlationID
        self.causationID = causationID
        self.actor = actor
        self.reason = reason
        self.traceParent = traceParent
        self.occurredAt = occurredAt
        self.additional = additional
    }

    /// The keys under which the standard values stand in the JSON object.
    public enum Key {
        public static let correlationID = "$correlationId"
        public static let causationID = "$causationId"
        public static let actor = "$actor"
        public static let reason = "$reason"
        public static let traceParent = "traceparent"
        public static let occurredAt = "$occurredAt"
    }

    /// The JSON object in UTF-8, standard keys first and the others sorted; empty when there is nothing to say.
    public func encoded() -> [UInt8] {
        var text = JSONObjectText()
        text.add(Key.correlationID, correlationID)
        text.add(Key.causationID, causationID)
        text.add(Key.actor, actor)
        text.add(Key.reason, reason)
        text.add(Key.traceParent, traceParent)
        text.add(Key.occurredAt, occurredAt?.description)
        if !additional.isEmpty {
            for key in additional.keys.sorted() { text.add(key, additional[key]) }
        }
        return text.finished()
    }

    /// Reads the standard keys. Empty bytes are empty metadata.
    ///
    /// - Throws: ``InvalidMetadata`` when the bytes are no JSON object.
    public init(decoding bytes: some Collection<UInt8>) throws(InvalidMetadata) {
        self.init()
        guard !bytes.isEmpty else { return }
        guard let object = try? JSONDecoder().decode([String: LenientString].self, from: Data(bytes)) else {
            throw InvalidMetadata(bytes: bytes.count)
        }
        for (key, value) in object {
            guard let text = value.text else { continue }
            switch key {
            case Key.correlationID: correlationID = text
            case Key.causationID: causationID = text
            case Key.actor: actor = text
            case Key.reason: reason = text
            case Key.traceParent: traceParent = text
            case Key.occurredAt: occurredAt = Timestamp(text)
            default: additional[key] = text
            }
        }
    }

    /// A value that is kept when it is a string, and passed over when it is something else.
    private struct LenientString: Decodable {
        let text: String?

        init(from decoder: any Decoder) throws {
            text = try? decoder.singleValueContainer().decode(String.self)
        }
    }
}

/// Writes a flat JSON object of strings (RFC 8259): no dependency, about 100 ns a key.
struct JSONObjectText {
    private var bytes: [UInt8] = []

    mutating func add(_ key: String, _ value: String?) {
        guard let value else { return }
        addKey(key)
        bytes.appendJSONString(value)
    }

    mutating func add(_ key: String, _ value: Int64?) {
        guard let value else { return }
        addKey(key)
        bytes.append(contentsOf: String(value).utf8)
    }

    mutating func add(_ key: String, _ value: Bool) {
        guard value else { return }
        addKey(key)
        bytes.append(contentsOf: "true".utf8)
    }

    /// The object; nothing at all when no key was added.
    consuming func finished() -> [UInt8] {
        guard !bytes.isEmpty else { return [] }
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }

    private mutating func addKey(_ key: String) {
        bytes.append(bytes.isEmpty ? UInt8(ascii: "{") : UInt8(ascii: ","))
        bytes.appendJSONString(key)
        bytes.append(UInt8(ascii: ":"))
    }
}
