/// 64 bits that tell whether two requests with one command identifier ask for the same.
///
/// Covers each write's stream and action, and each event's type, schema version, content type, data and tags, each tag
/// once; not event identifiers, metadata or expectations, which may differ when a retry decides anew. A request without
/// writes is told by the streams that it checks, control streams aside. Bytes are taken eight at a time, little-endian
/// and zero-padded, each text preceded by its length:
/// `h = (h ^ word) * 0x9E3779B97F4A7C15 (mod 2^64); h ^= h >> 29`, starting from the prime 0x00000100000001B3. It guards
/// against mistakes, not against an adversary.
package struct RequestDigest {
    package private(set) var value: UInt64 = 0x0000_0100_0000_01B3

    package init(_ request: AppendRequest) {
        for write in request.writes {
            add(write.stream.rawValue.utf8)
            switch write.action {
            case .append(let events):
                add(UInt64(events.count) << 8)
                for event in events {
                    add(event.type.rawValue.utf8)
                    add(UInt64(event.schemaVersion))
                    add(event.contentType.rawValue.utf8)
                    add(event.data)
                    let tags = event.distinctTags
                    add(UInt64(tags.count))
                    for tag in tags { add(tag.rawValue.utf8) }
                }
            case .setRetention(let retention):
                add(1)
                add(StreamControl(retention: retention).encoded())
            case .delete: add(2)
            case .tombstone: add(3)
            }
        }
        for check in request.writes.isEmpty ? request.checks : [] where !check.stream.isControl {
            add(check.stream.rawValue.utf8)
        }
    }

    private mutating func add(_ word: UInt64) {
        value = (value ^ word) &* 0x9E37_79B9_7F4A_7C15
        value ^= value >> 29
    }

    private mutating func add(_ bytes: some Collection<UInt8>) {
        add(UInt64(bytes.count))
        var word: UInt64 = 0
        var shift: UInt64 = 0
        for byte in bytes {
            word |= UInt64(byte) << shift
            shift += 8
            if shift == 64 {
                add(word)
                word = 0
                shift = 0
            }
        }
        if shift > 0 { add(word) }
    }
}
