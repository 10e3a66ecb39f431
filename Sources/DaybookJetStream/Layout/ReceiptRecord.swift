#if JetStream
import DaybookCore

/// A command's receipt, as a message holds it.
struct ReceiptRecord: Sendable {
    var append: UInt64
    var digest: UInt64
    var result: AppendResult
    /// Set when the events are of the same append: the result's position is theirs, and its time is that of the message
    /// at this sequence.
    var end: Int64?

    /// The bytes of a receipt.
    ///
    /// - Parameter isOwn: Whether the events are of the same append; their position and time are then not known yet.
    static func encode(
        _ result: AppendResult, digest: UInt64, isOwn: Bool, place: LogRecord.Place
    ) -> [UInt8] {
        var writer = RecordWriter(reserving: 64 + result.streams.count * 32)
        writer.add(LogRecord.format)
        writer.add(place.kind.rawValue)
        writer.add(place.index)
        writer.add(place.remaining)
        writer.add(fixed: place.append)
        writer.add(fixed: digest)
        writer.add((isOwn ? 1 : 0) as UInt8)
        if !isOwn {
            writer.add(result.position.rawValue)
            writer.add(fixed: UInt64(bitPattern: result.recordedAt.microseconds))
        }
        writer.add(Int64(result.eventCount))
        writer.add(Int64(result.streams.count))
        for end in result.streams {
            writer.add(end.stream.rawValue)
            writer.add((end.version?.rawValue).map { $0 + 1 } ?? 0)
        }
        return writer.bytes
    }

    init(_ message: StoredMessage) throws(RecordReader.Damage) {
        var reader = RecordReader(message.body)
        let place = try LogRecord.place(&reader)
        guard place.kind == .receipt else { throw RecordReader.Damage() }
        append = place.append
        digest = try reader.fixed()
        var position = Position(message.sequence + place.remaining)
        var time = message.time
        if try reader.byte() == 1 {
            end = position.rawValue
        } else {
            position = Position(try reader.count())
            time = Timestamp(microseconds: Int64(bitPattern: try reader.fixed()))
        }
        let eventCount = try reader.count()
        let count = try reader.number()
        guard (0...Int64(Limits.streamsPerAppend)).contains(count) else { throw RecordReader.Damage() }
        var streams: [AppendResult.StreamEnd] = []
        for _ in 0..<count {
            let name = StreamName(unchecked: try reader.text())
            let next = try reader.count()
            streams.append(.init(stream: name, version: next == 0 ? nil : StreamVersion(next - 1)))
        }
        result = AppendResult(
            streams: streams, position: position, eventCount: Int(eventCount), recordedAt: time)
    }
}
#endif
