import DaybookCore

/// Reads event lines, as `export` writes them; see ``EventLine``.
struct EventLineSource: ImportSource {
    private var lines: LineSource
    private let totalBytes: Int64?

    init(_ source: ByteSource) {
        lines = LineSource(source, maximumBytes: 4 * Limits.eventBytes)
        totalBytes = source.fileBytes
    }

    var share: Double? { totalBytes.map { $0 > 0 ? Double(lines.bytesRead) / Double($0) : 1 } }

    mutating func next() async throws -> ImportedEvent? {
        while let line = try await lines.next() {
            if line.bytes.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) { continue }
            do { return try Self.parse(line.bytes, line: line.number) } catch {
                throw MalformedInput(line: line.number, reason: error.description)
            }
        }
        return nil
    }

    static func parse(_ bytes: ArraySlice<UInt8>, line: Int) throws(RequestLineError) -> ImportedEvent {
        let value: JSONText
        do { value = try JSONText(parsing: bytes) } catch { throw .syntax(error) }
        do { return try read(value, line: line) } catch { throw .field(error) }
    }

    private static let noID = EventID(high: 0, low: 0)

    private static func read(_ value: JSONText, line: Int) throws(FieldError) -> ImportedEvent {
        var fields = try JSONFields(value, path: "")
        _ = try fields.integer("position")  // The target gives its own places in the global order, and its own times.
        _ = try fields.string("recordedAt")
        let stream = try fields.requiredName("stream", as: StreamName.self)
        let version = try fields.integer("version", atLeast: 0)
        guard version != .max else {
            throw FieldError(
                path: "version", problem: "is \(Int64.max); no event can follow it: write a smaller number.")
        }
        let event = try fields.event(defaultID: { noID })
        try fields.finish()
        return ImportedEvent(
            line: line, stream: stream, version: version.map { StreamVersion($0) },
            id: event.id == noID ? nil : event.id, event: event)
    }
}
