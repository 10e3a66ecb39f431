#if Postgres
import DaybookCore

/// Events as rows: which columns they have, and how a page is made of them.
enum EventRows {
    private static let columns =
        "position, stream, version, id, type, schema_version, content_type, recorded_at, tags, data, metadata"

    /// The rows of a query, in its order, until they are as many bytes as a page takes; one more may be among them.
    ///
    /// - Parameters:
    ///   - order: Such as `position DESC`.
    ///   - limit: The number of the parameter that bounds the rows.
    static func page(where condition: String, order: String, limit: Int) -> String {
        """
        SELECT \(columns) FROM (
            SELECT *, sum(size) OVER (ORDER BY \(order) ROWS UNBOUNDED PRECEDING) - size AS bytes_before
            FROM events WHERE \(condition) ORDER BY \(order) LIMIT $\(limit)::bigint
        ) page WHERE bytes_before < \(Limits.pageBytes) ORDER BY \(order)
        """
    }

    /// Positions between `$1` and `$2`, at most `$3`.
    ///
    /// - Parameter controls: Whether the events of control streams are among them.
    static func log(forward isForward: Bool, controls: Bool) -> Statement {
        isForward ? (controls ? forward : forwardWithoutControls) : (controls ? backward : backwardWithoutControls)
    }

    private static let positions = "position >= $1::bigint AND position <= $2::bigint"
    private static let noControls = "\(positions) AND NOT starts_with(stream, '$$')"
    private static let forward = Statement("log_forward", page(where: positions, order: "position", limit: 3))
    private static let backward = Statement("log_backward", page(where: positions, order: "position DESC", limit: 3))
    private static let forwardWithoutControls = Statement(
        "log_forward_without", page(where: noControls, order: "position", limit: 3))
    private static let backwardWithoutControls = Statement(
        "log_backward_without", page(where: noControls, order: "position DESC", limit: 3))

    /// Versions of stream `$1` between `$2` and `$3`, at most `$4`.
    static func stream(forward isForward: Bool) -> Statement { isForward ? streamForward : streamBackward }

    private static let streamForward = Statement(
        "stream_forward",
        page(
            where: "stream = $1::text AND version >= $2::bigint AND version <= $3::bigint", order: "version", limit: 4))
    private static let streamBackward = Statement(
        "stream_backward",
        page(
            where: "stream = $1::text AND version >= $2::bigint AND version <= $3::bigint", order: "version DESC",
            limit: 4))

    /// The events of some rows; their payloads share one buffer.
    ///
    /// - Parameter isWanted: Leaves out rows by their position and version.
    static func events(_ rows: Rows, where isWanted: (Int64, Int64) -> Bool = { _, _ in true }) -> [RecordedEvent] {
        let count = rows.count
        var size = 0
        for row in 0..<count { size += rows.length(row, 9) + rows.length(row, 10) }
        let payloads = [UInt8](unsafeUninitializedCapacity: size) { buffer, initialized in
            let target = UnsafeMutableRawBufferPointer(buffer)
            var offset = 0
            for row in 0..<count {
                for column in 9...10 {
                    let bytes = rows.bytes(row, column)
                    if bytes.isEmpty { continue }
                    target.baseAddress?.advanced(by: offset).copyMemory(
                        from: bytes.baseAddress.unsafelyUnwrapped, byteCount: bytes.count)
                    offset += bytes.count
                }
            }
            initialized = size
        }
        var events: [RecordedEvent] = []
        events.reserveCapacity(count)
        // Neighbours often have the same names: each is made once.
        var stream = LastText()
        var type = LastText()
        var contentType = LastText()
        var offset = 0
        for row in 0..<count {
            let dataEnd = offset + rows.length(row, 9)
            let end = dataEnd + rows.length(row, 10)
            defer { offset = end }
            let position = rows.integer(row, 0)
            let version = rows.integer(row, 2)
            guard isWanted(position, version) else { continue }
            events.append(
                RecordedEvent(
                    id: rows.id(row, 3), type: EventType(unchecked: type.text(rows.bytes(row, 4))),
                    schemaVersion: UInt32(truncatingIfNeeded: rows.integer(row, 5)),
                    contentType: ContentType(unchecked: contentType.text(rows.bytes(row, 6))),
                    data: payloads[offset..<dataEnd], metadata: payloads[dataEnd..<end],
                    tags: rows.length(row, 8) <= 12 ? [] : rows.texts(row, 8).map { Tag(unchecked: $0) },
                    stream: StreamName(unchecked: stream.text(rows.bytes(row, 1))), version: StreamVersion(version),
                    position: Position(position), recordedAt: Timestamp(microseconds: rows.integer(row, 7))))
        }
        return events
    }

    /// Makes a text of bytes, or takes the one before when it is the same.
    private struct LastText {
        private var last = ""
        private var bytes: [UInt8] = []

        mutating func text(_ new: UnsafeRawBufferPointer) -> String {
            if new.count == bytes.count, bytes.withUnsafeBytes({ $0.elementsEqual(new) }) { return last }
            bytes = Array(new)
            last = String(decoding: new, as: UTF8.self)
            return last
        }
    }
}
#endif
