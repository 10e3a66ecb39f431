import DaybookCore

/// What a store is to be, told by one array and plain walks through it; slow, and written without the stores' code.
struct EventStoreModel {
    struct Event {
        var new: NewEvent
        var stream: StreamName
        var version: Int64
        var position: Int64
        var recordedAt: Timestamp
    }

    struct Settings {
        var retention = Retention.unlimited
        /// The version before which a deletion hides everything, whatever the retention says; nil when never deleted.
        var deletedBefore: Int64?
        var isTombstoned = false

        /// The state of a stream with these settings and this last version; nil: it has no event.
        func state(lastVersion last: Int64?) -> StreamState {
            var retention = retention
            if let deleted = deletedBefore {
                retention.truncateBefore = StreamVersion(max(deleted, retention.truncateBefore?.rawValue ?? 0))
            }
            let status: StreamState.Status
            if isTombstoned {
                status = .tombstoned
            } else if let deleted = deletedBefore, (last ?? -1) < deleted {
                status = .deleted
            } else {
                status = last == nil ? .missing : .live
            }
            return StreamState(status: status, lastVersion: last.map { StreamVersion($0) }, retention: retention)
        }

        /// Takes in a change of the settings of a stream with this last version; nothing for an append of events.
        mutating func apply(_ action: StreamWrite.Action, lastVersion last: Int64?) {
            switch action {
            case .append: break
            case .setRetention(let retention): self.retention = retention
            case .delete:
                deletedBefore = (last ?? -1) + 1
                // A deletion takes the place of an older truncation, also of one above it.
                retention.truncateBefore = nil
            case .tombstone: isTombstoned = true
            }
        }
    }

    enum Outcome {
        case recorded(AppendResult)
        case repeated(AppendResult)
        /// Refused by this error.
        case refused(AppendError)
        /// Refused because of any of the events at these positions.
        case conditionFailed([Position])
    }

    var log: [Event] = []
    var settings: [StreamName: Settings] = [:]
    var receipts: [CommandID: (body: CommandBody, result: AppendResult)] = [:]

    var head: Position { Position(log.last?.position ?? 0) }

    func events(of stream: StreamName) -> [Event] { log.filter { $0.stream == stream } }

    func lastVersion(of stream: StreamName) -> Int64? { events(of: stream).last?.version }

    /// The names of streams behind one, in the order in which the log first tells of them or of their settings, as far as
    /// they have events.
    func streams(after name: StreamName?) -> [StreamName] {
        var names: [StreamName] = []
        for event in log {
            let text = event.stream.rawValue
            let name = text.hasPrefix("$$") ? StreamName(unchecked: String(text.dropFirst(2))) : event.stream
            if !names.contains(name) { names.append(name) }
        }
        let start = name.flatMap { names.firstIndex(of: $0) }.map { $0 + 1 } ?? 0
        return names[start...].filter { lastVersion(of: $0) != nil }
    }

    func state(of stream: StreamName) -> StreamState {
        (settings[stream] ?? Settings()).state(lastVersion: lastVersion(of: stream))
    }

    /// The events that readers of a stream see.
    func visible(of stream: StreamName, now: Timestamp) -> [Event] {
        let state = state(of: stream)
        guard state.status == .live else { return [] }
        var events = events(of: stream)
        if let before = state.retention.truncateBefore { events.removeAll { $0.version < before.rawValue } }
        if let age = state.retention.maxAge { events.removeAll { $0.recordedAt.advanced(by: age) <= now } }
        if let count = state.retention.maxCount, let last = state.lastVersion {
            events.removeAll { last.rawValue - $0.version >= count }
        }
        return events
    }
}

/// What of a request tells one command from another.
struct CommandBody: Equatable {
    var writes: [WriteBody]
    /// Streams that are checked by a request without writes.
    var checked: [StreamName]

    init(_ request: AppendRequest) {
        writes = request.writes.map(WriteBody.init)
        checked = writes.isEmpty ? request.checks.map(\.stream).filter { !$0.isControl } : []
    }
}

/// What of a write tells one command from another.
struct WriteBody: Equatable {
    var stream: StreamName
    var action: StreamWrite.Action

    init(_ write: StreamWrite) {
        stream = write.stream
        if case .append(let events) = write.action {
            action = .append(
                events.map { event in
                    var body = event
                    body.id = EventID(high: 0, low: 0)
                    body.metadata = []
                    body.tags = body.tags.enumerated().filter { body.tags.firstIndex(of: $1) == $0 }.map(\.element)
                    return body
                })
        } else {
            action = write.action
        }
    }
}
