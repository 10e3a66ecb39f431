#if Postgres
import DaybookCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Events as rows: which columns they have, and how a page is made of them.
enum EventRows {
    private static let columns =
        "position, stream, version, id, type, schema_version, content_type, recorded_at, tags, data, metadata"

    /// The most bytes that a page brings from the server, of which it keeps ``Limits/pageBytes``.
    private static let broughtBytes = 8 << 20

    /// How many rows of the largest size make up so much.
    private static let bound = "(SELECT \(broughtBytes) / size + 1 FROM largest_event)"

    /// The rows of a query, in its order, but no more than ``bound``: the quickest way to most pages.
    ///
    /// - Parameters:
    ///   - order: Such as `position DESC`.
    ///   - limit: The number of the parameter that bounds the rows.
    static func page(where condition: String, order: String, limit: Int) -> String {
        "SELECT \(columns) FROM events WHERE \(condition) ORDER BY \(order) LIMIT least($\(limit)::bigint, \(bound))"
    }

    /// The same, until the rows are as many bytes as a page takes, however small or large they are; one more may be among
    /// them. Adding up costs about 1 µs a row.
    static func exactPage(where condition: String, order: String, limit: Int) -> String {
        """
        SELECT \(columns) FROM (
            SELECT *, sum(size) OVER (ORDER BY \(order) ROWS UNBOUNDED PRECEDING) - size AS bytes_before
            FROM events WHERE \(condition) ORDER BY \(order) LIMIT $\(limit)::bigint
        ) page WHERE bytes_before < \(Limits.pageBytes) ORDER BY \(order)
        """
    }

    /// Asked for behind a page: one that has fewer rows than this, and than its limit, has all there are.
    static let boundStatement = Statement("bound", "SELECT \(bound)::bigint")

    /// A page in both forms.
    struct Page: Sendable {
        let quick: Statement
        let exact: Statement

        fileprivate init(_ name: String, where condition: String, order: String, limit: Int) {
            quick = Statement(name, EventRows.page(where: condition, order: order, limit: limit))
            exact = Statement(name + "_exact", EventRows.exactPage(where: condition, order: order, limit: limit))
        }
    }

    /// Positions between `$1` and `$2`, at most `$3`.
    ///
    /// - Parameter controls: Whether the events of control streams are among them.
    static func log(forward isForward: Bool, controls: Bool) -> Page {
        isForward ? (controls ? forward : forwardWithoutControls) : (controls ? backward : backwardWithoutControls)
    }

    private static let positions = "position >= $1::bigint AND position <= $2::bigint"
    /// Compared as bytes: a third of what it costs to look at the first two characters.
    static let noControl = "(stream < '$$' OR stream >= '$%')"
    private static let noControls = "\(positions) AND \(noControl)"
    private static let forward = Page("log_forward", where: positions, order: "position", limit: 3)
    private static let backward = Page("log_backward", where: positions, order: "position DESC", limit: 3)
    private static let forwardWithoutControls = Page(
        "log_forward_without", where: noControls, order: "position", limit: 3)
    private static let backwardWithoutControls = Page(
        "log_backward_without", where: noControls, order: "position DESC", limit: 3)

    /// Versions of stream `$1` between `$2` and `$3`, at most `$4`.
    static func stream(forward isForward: Bool) -> Page { isForward ? streamForward : streamBackward }

    private static let versions = "stream = $1::text AND version >= $2::bigint AND version <= $3::bigint"
    private static let streamForward = Page("stream_forward", where: versions, order: "version", limit: 4)
    private static let streamBackward = Page("stream_backward", where: versions, order: "version DESC", limit: 4)

    /// Divides a page of consecutive positions or versions, so that one part is made into events while the server reads the
    /// next. Few parts, since each costs about 20 µs.
    static func parts(of range: ClosedRange<Int64>) -> [ClosedRange<Int64>] {
        let count = Int64(range.count)
        let size = max(250, (count + 3) / 4)
        return stride(from: range.lowerBound, through: range.upperBound, by: Int64.Stride(size)).map {
            $0...min($0 + size - 1, range.upperBound)
        }
    }

    /// The events of some rows; their payloads share one buffer.
    ///
    /// - Parameters:
    ///   - limit: At most so many, from the first.
    ///   - isWanted: Leaves out rows by their position and version.
    static func events(
        _ rows: Rows, limit: Int = .max, where isWanted: (Int64, Int64) -> Bool = { _, _ in true }
    ) -> [RecordedEvent] {
        var events: [RecordedEvent] = []
        var room = Limits.pageBytes
        append(rows, to: &events, limit: limit, room: &room, where: isWanted)
        return events
    }

    /// Makes events of rows, from the first, until a page has no more room.
    ///
    /// - Parameters:
    ///   - limit: At most so many rows.
    ///   - room: The bytes that the page has room for; what the rows take is taken off. One row more may be taken.
    ///   - isWanted: Leaves out rows by their position and version.
    /// - Returns: How many rows were taken, those left out among them.
    @discardableResult
    static func append(
        _ rows: Rows, to events: inout [RecordedEvent], limit: Int = .max, room: inout Int,
        where isWanted: (Int64, Int64) -> Bool = { _, _ in true }
    ) -> Int {
        let (count, size) = fitting(rows, limit, room)
        room -= size
        if events.isEmpty { events.reserveCapacity(count) }
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
                    contentType: rows.isNull(row, 6)
                        ? .json : ContentType(unchecked: contentType.text(rows.bytes(row, 6))),
                    data: payloads[offset..<dataEnd], metadata: payloads[dataEnd..<end],
                    tags: rows.length(row, 8) <= 12 ? [] : rows.texts(row, 8).map { Tag(unchecked: $0) },
                    stream: StreamName(unchecked: stream.text(rows.bytes(row, 1))), version: StreamVersion(version),
                    position: Position(position), recordedAt: Timestamp(microseconds: rows.integer(row, 7))))
        }
        return count
    }

    /// As many rows, from the first, as have room, one more, and their bytes.
    private static func fitting(_ rows: Rows, _ limit: Int, _ room: Int) -> (count: Int, bytes: Int) {
        var bytes = 0
        var count = 0
        let most = min(limit, rows.count)
        while count < most, bytes < room {
            bytes += rows.length(count, 9) + rows.length(count, 10)
            count += 1
        }
        return (count, bytes)
    }

    /// Makes a text of bytes, or takes the one before when it is the same.
    private struct LastText {
        private var last = ""
        private var bytes: [UInt8] = []

        mutating func text(_ new: UnsafeRawBufferPointer) -> String {
            if let start = new.baseAddress, new.count == bytes.count, memcmp(bytes, start, bytes.count) == 0 {
                return last
            }
            bytes = Array(new)
            last = String(decoding: new, as: UTF8.self)
            return last
        }
    }
}
#endif
