#if Server
import Daybook
import DaybookCore

extension CloudEvent {
    /// The event to be recorded: its identifier where that is a UUID, else one that follows from source and identifier. The
    /// attributes that the log has no place for are in the metadata, under `ce-` and their names.
    var newEvent: NewEvent {
        var metadata = EventMetadata(occurredAt: time)
        metadata.additional["ce-id"] = id
        metadata.additional["ce-source"] = source
        metadata.additional["ce-subject"] = subject
        for (name, value) in extensions {
            if name == EventMetadata.Key.traceParent {
                metadata.traceParent = value
            } else {
                metadata.additional["ce-\(name)"] = value
            }
        }
        return NewEvent(
            id: EventID(id) ?? EventID(digest: Self.digest(of: [self])), type: type, contentType: contentType,
            data: data,
            metadata: metadata)
    }

    /// Names a delivery of events to a stream for good, so that one that is repeated writes nothing twice.
    static func commandID(of events: [CloudEvent], to stream: StreamName) -> CommandID {
        CommandID(
            unchecked: "cloudevents-" + SecureHash.sha256(Array("\(stream.rawValue)\0\(digest(of: events))".utf8)))
    }

    /// 64 hexadecimal digits of the events' sources and identifiers, which name them for good.
    private static func digest(of events: [CloudEvent]) -> String {
        var names: [UInt8] = []
        for event in events {
            for part in [event.source, event.id] {
                names += part.utf8
                names.append(0xFF)  // No byte of UTF-8, so that the parts keep their ends.
            }
        }
        return SecureHash.sha256(names)
    }
}

extension EventID {
    /// A UUID of version 8 (RFC 9562, section 5.8) of the first digits of a digest.
    fileprivate init(digest: String) {
        let digits = Array(digest.utf8)
        let high = UInt64(String(decoding: digits[..<16], as: UTF8.self), radix: 16) ?? 0
        let low = UInt64(String(decoding: digits[16..<32], as: UTF8.self), radix: 16) ?? 0
        self.init(
            high: high & 0xFFFF_FFFF_FFFF_0FFF | 0x8000, low: low & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000)
    }
}
#endif
