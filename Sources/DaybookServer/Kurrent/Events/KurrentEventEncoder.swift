#if Server
import DaybookCore
import NIOCore

/// Writes events as messages of `event_store.client.streams.ReadResp` and `event_store.client.persistent_subscriptions.ReadResp`:
/// 0.3 µs an event, where generated code takes ten times that for the objects in between.
struct KurrentEventEncoder: Sendable {
    let uuidForm: UUIDForm

    /// Writes `ReadResp { event }`: the event, and the link by which it was found.
    ///
    /// - Parameter retryCount: Of a persistent subscription, how often the event was delivered before. Both recorded events then
    ///   carry the position of the original one.
    func write(_ event: KurrentEvent?, link: KurrentEvent?, retryCount: Int32? = nil, to buffer: inout ByteBuffer) {
        guard let original = link ?? event else { return }
        let position = UInt64(original.position)
        let shown = retryCount == nil ? nil : position
        let eventParts = event.map { Parts($0, position: shown) }
        let linkParts = link.map { Parts($0, position: shown) }
        let eventBytes = eventParts.map { size(of: $0) }
        let linkBytes = linkParts.map { size(of: $0) }
        let content =
            (eventBytes.map(Protobuf.size(ofField:)) ?? 0) + (linkBytes.map(Protobuf.size(ofField:)) ?? 0)
            + 1 + Protobuf.size(ofVarint: position)
            + (retryCount.map { 1 + Protobuf.size(ofVarint: UInt64(max($0, 0))) } ?? 0)
        buffer.writeField(1, bytes: content)
        if let eventParts, let eventBytes {
            buffer.writeField(1, bytes: eventBytes)
            write(eventParts, to: &buffer)
        }
        if let linkParts, let linkBytes {
            buffer.writeField(2, bytes: linkBytes)
            write(linkParts, to: &buffer)
        }
        buffer.writeField(3, value: position, always: true)
        if let retryCount { buffer.writeField(5, value: UInt64(max(retryCount, 0)), always: true) }
    }

    /// What is written of an event, with lengths that are asked for twice.
    private struct Parts {
        let event: KurrentEvent
        let position: UInt64
        let contentType: String
        let created: String
        let streamBytes: Int
        let typeEntry: Int
        let contentEntry: Int
        let createdEntry: Int

        /// - Parameter position: Written in place of the event's own.
        init(_ event: KurrentEvent, position: UInt64?) {
            self.event = event
            self.position = position ?? UInt64(event.position)
            contentType = event.isJSON ? "application/json" : "application/octet-stream"
            created = String(event.event.recordedAt.microseconds.multipliedReportingOverflow(by: 10).partialValue)
            streamBytes = event.stream.utf8.count
            typeEntry = Self.entry("type", event.type)
            contentEntry = Self.entry("content-type", contentType)
            createdEntry = Self.entry("created", created)
        }

        static func entry(_ key: StaticString, _ value: String) -> Int {
            Protobuf.size(ofField: key.utf8CodeUnitCount) + Protobuf.size(ofField: value.utf8.count)
        }
    }

    private var identifierBytes: (EventID) -> Int {
        switch uuidForm {
        case .string: { _ in Protobuf.size(ofField: 36) }
        case .structured:
            { id in Protobuf.size(ofField: Protobuf.size(ofNumber: id.high) + Protobuf.size(ofNumber: id.low)) }
        }
    }

    private func size(of parts: Parts) -> Int {
        let event = parts.event.event
        return Protobuf.size(ofField: identifierBytes(event.id))
            + Protobuf.size(ofField: Protobuf.size(ofField: parts.streamBytes))
            + Protobuf.size(ofNumber: UInt64(parts.event.revision)) + 2 * Protobuf.size(ofNumber: parts.position)
            + Protobuf.size(ofField: parts.typeEntry) + Protobuf.size(ofField: parts.contentEntry)
            + Protobuf.size(ofField: parts.createdEntry)
            + (event.metadata.isEmpty ? 0 : Protobuf.size(ofField: event.metadata.count))
            + (event.data.isEmpty ? 0 : Protobuf.size(ofField: event.data.count))
    }

    private func write(_ parts: Parts, to buffer: inout ByteBuffer) {
        let event = parts.event.event
        buffer.writeField(1, bytes: identifierBytes(event.id))
        write(event.id, to: &buffer)
        buffer.writeField(2, bytes: Protobuf.size(ofField: parts.streamBytes))
        buffer.writeField(3, bytes: parts.streamBytes)
        buffer.writeString(parts.event.stream)
        buffer.writeField(3, value: UInt64(parts.event.revision))
        buffer.writeField(4, value: parts.position)
        buffer.writeField(5, value: parts.position)
        writeEntry("type", parts.event.type, bytes: parts.typeEntry, to: &buffer)
        writeEntry("content-type", parts.contentType, bytes: parts.contentEntry, to: &buffer)
        writeEntry("created", parts.created, bytes: parts.createdEntry, to: &buffer)
        if !event.metadata.isEmpty {
            buffer.writeField(7, bytes: event.metadata.count)
            buffer.writeBytes(event.metadata)
        }
        if !event.data.isEmpty {
            buffer.writeField(8, bytes: event.data.count)
            buffer.writeBytes(event.data)
        }
    }

    private func writeEntry(_ key: StaticString, _ value: String, bytes: Int, to buffer: inout ByteBuffer) {
        buffer.writeField(6, bytes: bytes)
        buffer.writeField(1, bytes: key.utf8CodeUnitCount)
        buffer.writeStaticString(key)
        buffer.writeField(2, bytes: value.utf8.count)
        buffer.writeString(value)
    }

    private func write(_ id: EventID, to buffer: inout ByteBuffer) {
        switch uuidForm {
        case .string:
            buffer.writeField(2, bytes: 36)
            buffer.writeString(id.description)
        case .structured:
            buffer.writeField(1, bytes: Protobuf.size(ofNumber: id.high) + Protobuf.size(ofNumber: id.low))
            buffer.writeField(1, value: id.high)
            buffer.writeField(2, value: id.low)
        }
    }
}
#endif
