import DaybookCore

/// The names of attributes that every process log has.
enum ProcessLogKey {
    /// The activity of an event, and the name of a trace.
    static let name = "concept:name"
    static let time = "time:timestamp"
}

extension ImportedEvent {
    /// An event of a process log.
    ///
    /// - Parameters:
    ///   - time: RFC 3339, or with a space for the `T`; nil when the log has none.
    ///   - data: The attributes as a JSON object.
    init(
        line: Int, category: Category, caseName: String, activity: String, time: String?, data: [UInt8]
    ) throws(MalformedInput) {
        let stream: StreamName
        let type: EventType
        do {
            stream = try StreamName(category: category, id: caseName)
            type = try EventType(activity)
        } catch {
            throw MalformedInput(line: line, reason: error.description)
        }
        guard !caseName.isEmpty else { throw MalformedInput(line: line, reason: "The name of the case is empty.") }
        var metadata = EventMetadata()
        if let time {
            guard let occurredAt = Timestamp(time) else {
                throw MalformedInput(
                    line: line,
                    reason:
                        "The time '\(time.prefix(40))' is not like 2026-01-31T12:00:00Z or 2026-01-31 12:00:00+01:00.")
            }
            metadata.occurredAt = occurredAt
        }
        self.init(
            line: line, stream: stream, version: nil, id: nil,
            event: NewEvent(id: EventID(high: 0, low: 0), type: type, data: data, metadata: metadata))
    }
}
