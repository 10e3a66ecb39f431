import DaybookCore

/// One process, as its stream says, and the events that a reaction adds to it.
struct ProcessInstance<P: ProcessManager>: Sendable {
    typealias Record = ProcessRecord<P.Command>

    let stream: StreamName
    private(set) var state: P.State
    /// Deadlines that have neither passed nor been cancelled.
    private(set) var deadlines: [String: Deadline] = [:]
    /// The versions of commands of which the rejection is recorded.
    private(set) var rejected: Set<Int64> = []
    /// The last event folded; nil when there is none.
    private(set) var version: StreamVersion?
    /// Reactions that are not recorded yet.
    private(set) var pending: [NewEvent] = []
    /// Their data and metadata.
    private(set) var pendingBytes = 0
    /// Whether a reaction was decided on it that must be recorded with it, if only that it came to nothing.
    private(set) var isTouched = false
    /// What an append of reactions expects of the control stream, so that the process is not one that was deleted since; nil where
    /// that is not known, or there is no room to ask.
    var control: ExpectedVersion?
    /// Whether an append of reactions checks the control stream as well.
    var checksControl: Bool { control != nil && expected != .noStream }

    /// A deadline, and the event that set it, from which follows what comes of it.
    struct Deadline {
        /// As it was recorded.
        var at: String
        var event: EventID
        var metadata: [UInt8]
    }

    init(_ stream: StreamName) {
        self.stream = stream
        state = P.initialState
    }

    /// What an append of reactions must find.
    private(set) var expected = ExpectedVersion.noStream

    /// The stream was read to its end.
    mutating func found(_ state: StreamState) { expected = state.expectedVersion }

    /// Takes an event of the stream into account.
    mutating func apply(_ recorded: RecordedEvent, _ codecs: ProcessCodecs<P>) throws(EventDecodingError) {
        if codecs.isRecord(recorded.type) {
            for record in try codecs.records.decode(recorded) {
                apply(record, recorded.id, Array(recorded.metadata))
            }
        } else {
            try codecs.events.decode(recorded) { P.evolve(&state, with: $0) }
        }
        version = recorded.version
        expected = .version(recorded.version)
    }

    private mutating func apply(_ record: Record, _ event: EventID, _ metadata: @autoclosure () -> [UInt8]) {
        switch record {
        case .deadlineSet(let name, let at):
            deadlines[name] = Deadline(at: at, event: event, metadata: metadata())
        case .deadlineCancelled(let name, _), .deadlinePassed(let name, _): deadlines[name] = nil
        case .rejected(let version, _): rejected.insert(version)
        case .sent: break
        }
    }

    /// RFC 3339 has no text for what lies before the year 0, or behind 9999: nobody could read it again.
    private static var firstTime: Timestamp { Timestamp(microseconds: -62_167_219_200_000_000) }
    private static var lastTime: Timestamp { Timestamp(microseconds: 253_402_300_799_999_999) }

    /// Adds what follows from an input, a deadline or a rejection.
    ///
    /// - Parameter moment: Deadlines are reckoned from it.
    mutating func add(
        _ actions: [ProcessAction<P.Event, P.Command>], at moment: Timestamp, metadata: [UInt8],
        _ codecs: ProcessCodecs<P>
    ) throws(EventEncodingError) {
        isTouched = true
        for action in actions {
            switch action {
            case .record(let event):
                let encoded = try codecs.events.encode(event)
                append(NewEvent(encoded, metadata: metadata, tags: event.tags))
                P.evolve(&state, with: event)
            case .send(let command): try add(.sent(command: command), metadata: metadata, codecs)
            case .setDeadline(let name, let wait):
                if let old = deadlines[name] {
                    try add(.deadlineCancelled(name: name, at: old.at), metadata: metadata, codecs)
                }
                let time = min(max(moment.advanced(by: wait), Self.firstTime), Self.lastTime)
                try add(.deadlineSet(name: name, at: time.description), metadata: metadata, codecs)
            case .cancelDeadline(let name):
                guard let old = deadlines[name] else { continue }
                try add(.deadlineCancelled(name: name, at: old.at), metadata: metadata, codecs)
            }
        }
    }

    mutating func add(_ record: Record, metadata: [UInt8], _ codecs: ProcessCodecs<P>) throws(EventEncodingError) {
        isTouched = true
        let event = NewEvent(try codecs.records.encode(record), metadata: metadata)
        append(event)
        apply(record, event.id, metadata)
    }

    private mutating func append(_ event: NewEvent) {
        pending.append(event)
        pendingBytes += event.data.count + event.metadata.count
    }

    /// Adds what is pending to a request.
    func addPending(to request: inout AppendRequest) {
        guard isTouched else { return }
        if pending.isEmpty {
            request.check(stream, at: expected)
        } else {
            request.append(pending, to: stream, expecting: expected)
        }
        // A deleted stream still answers to its last version.
        if let control, checksControl { request.check(stream.control, at: control) }
    }

    /// What was pending has been recorded.
    mutating func settle(_ result: AppendResult) {
        if !pending.isEmpty, let end = result.streams.first(where: { $0.stream == stream })?.version {
            version = end
            expected = .version(end)
        }
        pending = []
        pendingBytes = 0
        isTouched = false
    }
}

/// How a process's events are read and written.
struct ProcessCodecs<P: ProcessManager>: Sendable {
    let events: any EventCodec<P.Event>
    let records = JSONEventCodec<ProcessRecord<P.Command>>()
    let progress = JSONEventCodec<ProcessProgress>()

    func isRecord(_ type: EventType) -> Bool { type.rawValue.utf8.starts(with: "process.".utf8) }
}
