import DaybookCore

/// Puts a page together: all payloads in one buffer, of which the events get slices at the end.
struct PageBuilder {
    private struct Entry {
        var id: EventID
        var type: EventType
        var schemaVersion: UInt32
        var contentType: ContentType
        var tags: [Tag]
        var stream: StreamName
        var version: Int64
        var position: Int64
        var recordedAt: Int64
        var dataStart: Int
        var dataEnd: Int
        var end: Int
    }

    private var entries: [Entry] = []
    private var bytes: [UInt8] = []

    var count: Int { entries.count }
    var isFull: Bool { bytes.count >= Limits.pageBytes }

    init(expecting count: Int) {
        entries.reserveCapacity(min(count, 1024))
        bytes.reserveCapacity(min(count, 1024) * 256)
    }

    mutating func add(
        _ record: EventRecord.View, at position: Int64, tags: [Tag]? = nil, from reader: LogReader
    ) throws(StoreFailure) {
        let stream: StreamName
        let type: EventType
        let contentType: ContentType
        let eventTags: [Tag]
        do {
            stream = try reader.stream(record.stream)
            type = try reader.type(record.type)
            contentType = try reader.contentType(record.contentType)
            eventTags = if let tags { tags } else { try reader.tags(of: record) }
        } catch {
            throw error.at(position)
        }
        let start = bytes.count
        bytes.append(contentsOf: record.bytes[record.dataOffset...])
        entries.append(
            Entry(
                id: record.id, type: type, schemaVersion: record.schemaVersion, contentType: contentType,
                tags: eventTags, stream: stream, version: record.version, position: position,
                recordedAt: record.recordedAt, dataStart: start, dataEnd: start + record.dataLength, end: bytes.count))
    }

    consuming func events() -> [RecordedEvent] {
        let bytes = bytes
        return entries.map { entry in
            RecordedEvent(
                id: entry.id, type: entry.type, schemaVersion: entry.schemaVersion, contentType: entry.contentType,
                data: bytes[entry.dataStart..<entry.dataEnd], metadata: bytes[entry.dataEnd..<entry.end],
                tags: entry.tags, stream: entry.stream, version: StreamVersion(entry.version),
                position: Position(entry.position), recordedAt: Timestamp(microseconds: entry.recordedAt))
        }
    }
}
