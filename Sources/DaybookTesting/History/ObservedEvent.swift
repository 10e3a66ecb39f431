import DaybookCore

/// An event as a read returned it, in 16 bytes: where it stands, and a fingerprint of everything it says.
public struct ObservedEvent: Sendable, Hashable, Codable {
    public var position: Position
    /// 64 bits (FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/) over identifier, type, versions, content type, data,
    /// metadata, tags, stream and time: the same in every process. It tells mistakes, not forgeries.
    public var fingerprint: UInt64

    public init(position: Position, fingerprint: UInt64) {
        self.position = position
        self.fingerprint = fingerprint
    }

    public init(_ event: RecordedEvent) {
        var hash = Fingerprint()
        for word in [event.id.high, event.id.low, UInt64(event.schemaVersion)] { hash.add(word) }
        for number in [event.version.rawValue, event.position.rawValue, event.recordedAt.microseconds] {
            hash.add(UInt64(bitPattern: number))
        }
        hash.add(event.stream.rawValue)
        hash.add(event.type.rawValue)
        hash.add(event.contentType.rawValue)
        hash.add(event.data)
        hash.add(event.metadata)
        for tag in event.tags { hash.add(tag.rawValue) }
        self.init(position: event.position, fingerprint: hash.value)
    }

    private struct Fingerprint {
        var value: UInt64 = 0xCBF2_9CE4_8422_2325

        mutating func add(_ word: UInt64) { value = (value ^ word) &* 0x0000_0100_0000_01B3 }

        mutating func add(_ text: String) {
            for byte in text.utf8 { add(UInt64(byte)) }
            add(UInt64(text.utf8.count) | 1 << 32)
        }

        mutating func add(_ bytes: ArraySlice<UInt8>) {
            for byte in bytes { add(UInt64(byte)) }
            add(UInt64(bytes.count) | 1 << 32)
        }
    }
}
