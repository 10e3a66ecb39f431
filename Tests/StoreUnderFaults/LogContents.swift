import CDaybookSQLite
import DaybookCore

/// What a log holds, short enough to be compared a thousand times.
struct LogContents {
    var head: Int64
    /// A CRC-32C of everything in each event, in the order of the log.
    var records: [UInt32] = []

    init(of store: some EventStore) async throws {
        head = try await store.head().rawValue
        var position = Position.start
        while true {
            let page = try await store.readPage(from: .after(position), direction: .forward, filter: .all, limit: 1000)
            for event in page.events { records.append(Self.crc(of: event)) }
            position = page.scannedThrough
            if page.isAtEnd { return }
        }
    }

    private static func crc(of event: RecordedEvent) -> UInt32 {
        var crc: UInt32 = 0
        func add(_ number: Int64) {
            withUnsafeBytes(of: number.littleEndian) { crc = daybook_crc32c(crc, $0.baseAddress, $0.count) }
        }
        func add(_ bytes: ArraySlice<UInt8>) {
            add(Int64(bytes.count))
            bytes.withUnsafeBytes { crc = daybook_crc32c(crc, $0.baseAddress, $0.count) }
        }
        func add(_ text: String) { add(ArraySlice(Array(text.utf8))) }
        add(event.position.rawValue)
        add(event.version.rawValue)
        add(event.recordedAt.microseconds)
        add(Int64(bitPattern: event.id.high))
        add(Int64(bitPattern: event.id.low))
        add(Int64(event.schemaVersion))
        add(event.stream.rawValue)
        add(event.type.rawValue)
        add(event.contentType.rawValue)
        for tag in event.tags { add(tag.rawValue) }
        add(event.data)
        add(event.metadata)
        return crc
    }
}
