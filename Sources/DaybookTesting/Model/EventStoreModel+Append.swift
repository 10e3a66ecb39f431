import DaybookCore

extension EventStoreModel {
    /// Appends to the model, with the recorded time that the store gave, or would give.
    mutating func append(_ request: AppendRequest, recordedAt: Timestamp) -> Outcome {
        if let id = request.commandID, let receipt = receipts[id] {
            return receipt.body == CommandBody(request)
                ? .repeated(receipt.result) : .refused(.commandReused(id: id))
        }
        if let result = repeated(request) {
            if let id = request.commandID { receipts[id] = (CommandBody(request), result) }
            return .repeated(result)
        }
        for write in request.writes {
            if settings[write.stream]?.isTombstoned == true {
                return .refused(.streamTombstoned(stream: write.stream))
            }
            if let error = error(of: write.expected, for: write.stream) { return .refused(error) }
        }
        for check in request.checks where check.expected != .any {
            if settings[check.stream]?.isTombstoned == true {
                return .refused(.streamTombstoned(stream: check.stream))
            }
            if let error = error(of: check.expected, for: check.stream) { return .refused(error) }
        }
        if let condition = request.condition {
            if condition.after > head {
                return .refused(.invalid(.conditionBeyondHead(after: condition.after, head: head)))
            }
            let conflicts = log.filter { event in
                event.position > condition.after.rawValue
                    && condition.failIfEventsMatch.items.contains { Self.fits(event, $0) }
            }
            if !conflicts.isEmpty { return .conditionFailed(conflicts.map { Position($0.position) }) }
        }
        return .recorded(record(request, at: recordedAt))
    }

    private func error(of expected: ExpectedVersion, for stream: StreamName) -> AppendError? {
        Self.error(of: expected, for: stream, in: state(of: stream))
    }

    /// The error of an append that expects this of a stream which is in another state; nil when it holds.
    static func error(of expected: ExpectedVersion, for stream: StreamName, in state: StreamState) -> AppendError? {
        let holds =
            switch expected {
            case .any: true
            case .noStream: state.status == .missing || state.status == .deleted
            case .streamExists: state.status == .live
            case .version(let version): state.lastVersion == version
            }
        if holds { return nil }
        return .wrongExpectedVersion(
            stream: stream, expected: expected, actual: state.status == .deleted ? nil : state.lastVersion)
    }

    static func fits(_ event: Event, _ item: EventQuery.Item) -> Bool {
        if !item.types.isEmpty && !item.types.contains(event.new.type) { return false }
        return item.tags.subtracting(event.new.tags).isEmpty
    }

    /// The first result when every write of a request already stands where it would have gone.
    private func repeated(_ request: AppendRequest) -> AppendResult? {
        var ends: [AppendResult.StreamEnd] = []
        var all: [Event] = []
        for write in request.writes {
            guard case .append(let new) = write.action, let run = run(of: new, write), let last = run.last else {
                return nil
            }
            ends.append(AppendResult.StreamEnd(stream: write.stream, version: StreamVersion(last.version)))
            all += run
        }
        guard let last = all.max(by: { $0.position < $1.position }) else { return nil }
        return AppendResult(
            streams: ends, position: Position(last.position), eventCount: all.count, recordedAt: last.recordedAt)
    }

    private func run(of new: [NewEvent], _ write: StreamWrite) -> [Event]? {
        let events = events(of: write.stream)
        let starts: [Int64]
        switch write.expected {
        case .any, .streamExists: starts = [Int64(events.count - new.count)]
        case .noStream: starts = [0, settings[write.stream]?.deletedBefore ?? 0]
        case .version(let version): starts = version.rawValue == .max ? [] : [version.rawValue + 1]
        }
        for start in starts where start >= 0 && start < events.count {
            let run = events[Int(start)...].prefix(new.count)
            if run.map(\.new.id) == new.map(\.id) { return Array(run) }
        }
        return nil
    }

    private mutating func record(_ request: AppendRequest, at time: Timestamp) -> AppendResult {
        var count = 0
        for write in request.writes {
            let last = lastVersion(of: write.stream)
            switch write.action {
            case .append(let events):
                for event in events { add(event, to: write.stream, at: time) }
                count += events.count - 1
            case .setRetention, .delete, .tombstone:
                settings[write.stream, default: Settings()].apply(write.action, lastVersion: last)
                addControl(write, at: time)
            }
            count += 1
        }
        let result = AppendResult(
            streams: request.writes.map { write in
                AppendResult.StreamEnd(
                    stream: write.stream, version: lastVersion(of: write.stream).map { StreamVersion($0) })
            }, position: head, eventCount: count, recordedAt: time)
        if let id = request.commandID { receipts[id] = (CommandBody(request), result) }
        return result
    }

    private mutating func addControl(_ write: StreamWrite, at time: Timestamp) {
        guard let type = Self.controlType(of: write.action) else { return }
        let event = NewEvent(id: EventID(high: 0, low: 0), type: type, data: [], metadata: write.metadata)
        add(event, to: StreamName(unchecked: "$$" + write.stream.rawValue), at: time)
    }

    /// The type of the event that records a change of a stream's settings; nil for an append of events.
    static func controlType(of action: StreamWrite.Action) -> EventType? {
        switch action {
        case .append: nil
        case .setRetention: "$retention-set"
        case .delete: "$stream-deleted"
        case .tombstone: "$stream-tombstoned"
        }
    }

    private mutating func add(_ event: NewEvent, to stream: StreamName, at time: Timestamp) {
        log.append(
            Event(
                new: event, stream: stream, version: (lastVersion(of: stream) ?? -1) + 1,
                position: Int64(log.count) + 1, recordedAt: time))
    }
}
