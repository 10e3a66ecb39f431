#if JetStream
import DaybookCore

/// Messages that are imported together: the server takes all of them, as the next ones of the log, or none.
///
/// Since they are the next ones, their sequences are known before they are sent.
struct ImportBatch: Sendable {
    /// The messages of one batch, and the bytes that they may have together.
    private static let messagesPerBatch = 1_000
    private static let bytesPerBatch = 8 << 20

    struct Message: Sendable {
        var subject: String
        var body: [UInt8]
    }

    /// Tells this batch's messages from those of every other one.
    let number = UInt64.random(in: .min ... .max)
    /// The sequence that the log ends at before it.
    let last: Int64
    private(set) var messages: [Message] = []

    /// The sequence that the log ends at with it.
    var end: Int64 { last + Int64(messages.count) }

    private func place(_ kind: LogRecord.Kind, _ index: Int, of total: Int) -> LogRecord.Place {
        LogRecord.Place(kind: kind, index: Int64(index), remaining: Int64(total - 1 - index), append: number)
    }
}

extension ImportBatch {
    /// As many events as fit. Their order: how far the log is imported, the markers of tags, the events.
    ///
    /// - Parameters:
    ///   - heads: Of all streams of the events, by subject; as they are with the batch afterwards.
    ///   - count: How many of the events are in the batch.
    init(
        _ events: ArraySlice<RecordedEvent>, behind last: Int64, _ heads: inout [String: StreamHead],
        _ subjects: LogSubjects, count: inout Int
    ) {
        self.last = last
        var tags: [Tag] = []
        var tagged: [Tag: [Int]] = [:]
        var bytes = 0
        count = 0
        for event in events {
            let size = event.data.count + event.metadata.count + 400
            let newTags = event.tags.count { tagged[$0] == nil }
            guard
                count == 0
                    || (count + tags.count + newTags + 2 <= Self.messagesPerBatch && bytes + size <= Self.bytesPerBatch)
            else { break }
            for tag in event.tags {
                if tagged[tag] == nil { tags.append(tag) }
                tagged[tag, default: []].append(count)
            }
            bytes += size
            count += 1
        }
        let front = 1 + tags.count
        let total = front + count
        messages.reserveCapacity(total)
        let time = events.dropFirst(count - 1).first?.recordedAt ?? Timestamp(microseconds: 0)
        messages.append(
            Message(
                subject: subjects.imports, body: LogRecord.encodeImported(time, place: place(.imported, 0, of: total))))
        for tag in tags {
            let index = messages.count
            messages.append(
                Message(
                    subject: subjects.subject(of: tag),
                    body: LogRecord.encodeTag(
                        (tagged[tag] ?? []).map { Int64(front + $0 - index) }, place: place(.tag, index, of: total))))
        }
        for event in events.prefix(count) {
            // Checked before: every event is of a stream that has a subject.
            guard let subject = subjects.subject(of: event.stream) else { continue }
            let index = messages.count
            let sequence = last + 1 + Int64(index)
            var head = heads[subject] ?? .none
            let isControl = event.stream.isControl
            head.sequence = sequence
            head.part.previousControl = head.part.lastControl
            if isControl {
                head.part.controlCount += 1
                head.part.lastControl = sequence
                head.control = StreamControl(decoding: event.data) ?? head.control
            } else {
                head.part.eventCount += 1
                head.part.lastEvent = sequence
                head.part.lastEventID = event.id
                if head.part.eventCount == 1 { head.part.firstEvent = sequence }
            }
            heads[subject] = head
            let new = NewEvent(
                id: event.id, type: event.type, schemaVersion: event.schemaVersion, contentType: event.contentType,
                data: Array(event.data), metadata: Array(event.metadata), tags: event.tags)
            messages.append(
                Message(
                    subject: subject,
                    body: LogRecord.encode(
                        new, place: place(isControl ? .control : .event, index, of: total), stream: head.part,
                        importedTime: event.recordedAt)))
        }
    }

    /// The receipts of commands, at most as many as a batch holds.
    init(_ commands: ArraySlice<RecordedCommand>, behind last: Int64, _ subjects: LogSubjects, count: inout Int) {
        self.last = last
        var bytes = 0
        count = 0
        for command in commands {
            let size = 128 + command.result.streams.reduce(0) { $0 + $1.stream.rawValue.utf8.count + 12 }
            guard count == 0 || (count < Self.messagesPerBatch && bytes + size <= Self.bytesPerBatch) else { break }
            bytes += size
            count += 1
        }
        for (index, command) in commands.prefix(count).enumerated() {
            messages.append(
                Message(
                    subject: subjects.subject(of: command.command),
                    body: ReceiptRecord.encode(
                        command.result, digest: command.digest, isOwn: false, place: place(.receipt, index, of: count)))
            )
        }
    }
}
#endif
