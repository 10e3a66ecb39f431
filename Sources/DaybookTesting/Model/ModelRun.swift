import DaybookCore

/// A store and a model that take the same steps.
struct ModelRun {
    var store: any EventStore
    let time: DrivenTime?
    private var model = EventStoreModel()
    /// The result of each append that was recorded, as the store gave it.
    private var lastRecordedAt = Timestamp(microseconds: .min)

    init(store: any EventStore, time: DrivenTime?) {
        self.store = store
        self.time = time
    }

    /// Takes a step on both, and throws a ``LawViolation`` when the answers differ.
    mutating func perform(_ step: ModelStep) async throws {
        switch step.action {
        case .append(let request): try await append(request)
        case .readStream(let stream, let cursor, let direction, let limit):
            try await readStream(stream, cursor, direction, limit)
        case .readLog(let cursor, let direction, let filter, let limit):
            try await readLog(cursor, direction, filter, limit)
        case .readWholeLog(let direction, let filter, let pageSize):
            var events: [RecordedEvent] = []
            let sequence = store.events(
                from: direction == .forward ? .start : .end, direction: direction, filter: filter, pageSize: pageSize)
            for try await event in sequence { events.append(event) }
            let fitting = model.log.filter { Self.passes($0, filter) }
            try requireLike(events, direction == .forward ? fitting : fitting.reversed())
        case .state(let stream):
            try requireEqual(try await store.state(of: stream), model.state(of: stream), "The state")
        case .streams(let after, let limit):
            try requireEqual(
                try await store.streams(after: after, limit: limit), Array(model.streams(after: after).prefix(limit)),
                "The streams")
        case .receipt(let id):
            try requireEqual(try await store.receipt(for: id), model.receipts[id]?.result, "The receipt")
        case .advance(let microseconds): time?.advance(by: .microseconds(microseconds))
        case .reopen: break
        }
    }

    /// The whole logs, compared at the end of a run.
    func compareLogs() async throws {
        try requireLike(try await store.wholeLog(), model.log)
        try requireEqual(try await store.head(), model.head, "The head")
    }

    private mutating func append(_ request: AppendRequest) async throws {
        let answer: Result<AppendResult, AppendError>
        do throws(AppendError) { answer = .success(try await store.append(request)) } catch { answer = .failure(error) }
        var recordedAt = lastRecordedAt
        if let time { recordedAt = max(time.now, model.log.last?.recordedAt ?? time.now) }
        if time == nil, case .success(let result) = answer { recordedAt = result.recordedAt }
        switch (model.append(request, recordedAt: recordedAt), answer) {
        case (.recorded(let expected), .success(let result)):
            try requireEqual(result, expected, "The result")
            if !model.log.isEmpty { lastRecordedAt = max(lastRecordedAt, result.recordedAt) }
        case (.repeated(var expected), .success(let result)):
            expected.isRepeat = true
            try requireEqual(result, expected, "The repeated result")
        case (.refused(let expected), .failure(let error)):
            try requireEqual(error, expected, "The error")
        case (.conditionFailed(let conflicts), .failure(.conditionFailed(let after, let conflict))):
            try require(
                after == request.condition?.after && conflicts.contains(conflict),
                "The conflict found is at \(conflict) after \(after), expected one of \(conflicts)")
        case (let expected, let answer):
            throw LawViolation("The answer is \(answer), expected \(expected)")
        }
    }

    private func readStream(
        _ stream: StreamName, _ cursor: ModelStep.Cursor, _ direction: ReadDirection, _ limit: Int
    ) async throws {
        let start: StreamCursor =
            switch cursor {
            case .start: .start
            case .end: .end
            case .version(let version): .version(StreamVersion(version))
            case .position(let position): .position(Position(position))
            case .time(let event, let plus): .time(eventTime(event, plus))
            }
        let page = try await store.readPage(of: stream, from: start, direction: direction, limit: limit)
        let visible = model.visible(of: stream, now: time?.now ?? .init(microseconds: 0))
        let window = window(visible, cursor, direction)
        try requireLike(page.events, Array(window.prefix(limit)))
        try requireEqual(page.state, model.state(of: stream), "The page's state")
        try requireEqual(page.isAtEnd, window.count <= limit, "Whether the page is at the end")
    }

    private func readLog(
        _ cursor: ModelStep.Cursor, _ direction: ReadDirection, _ filter: EventFilter, _ limit: Int
    ) async throws {
        let start: LogCursor =
            switch cursor {
            case .start: .start
            case .end: .end
            case .version(let number), .position(let number): .position(Position(number))
            case .time(let event, let plus): .time(eventTime(event, plus))
            }
        let page = try await store.readPage(from: start, direction: direction, filter: filter, limit: limit)
        let window = window(model.log, cursor, direction).filter { Self.passes($0, filter) }
        try requireLike(page.events, Array(window.prefix(limit)))
        if page.isAtEnd {
            try requireEqual(page.events.count, window.count, "The events of a page at the end")
        } else {
            try requireEqual(page.events.count, limit, "The events of a page that is not at the end")
            let looked = window.filter {
                direction == .forward
                    ? $0.position <= page.scannedThrough.rawValue : $0.position >= page.scannedThrough.rawValue
            }
            try requireEqual(
                page.events.count, looked.count, "The events up to where the page looked, \(page.scannedThrough)")
        }
    }

    /// The time of an event of the log, counted from the first and around; that of the epoch while there is none.
    private func eventTime(_ index: Int, _ plus: Int64) -> Timestamp {
        guard !model.log.isEmpty else { return Timestamp(microseconds: plus) }
        return Timestamp(microseconds: model.log[index % model.log.count].recordedAt.microseconds + plus)
    }

    private func window(
        _ events: [EventStoreModel.Event], _ cursor: ModelStep.Cursor, _ direction: ReadDirection
    ) -> [EventStoreModel.Event] {
        func bounded<Bound: Comparable>(
            by bound: Bound, _ value: (EventStoreModel.Event) -> Bound
        ) -> [EventStoreModel.Event] {
            events.filter { direction == .forward ? value($0) >= bound : value($0) <= bound }
        }
        let window =
            switch cursor {
            case .start: direction == .forward ? events : Array(events.prefix(1))
            case .end: direction == .backward ? events : Array(events.suffix(1))
            case .version(let version): bounded(by: version, \.version)
            case .position(let position): bounded(by: position, \.position)
            case .time(let event, let plus): bounded(by: eventTime(event, plus), \.recordedAt)
            }
        return direction == .forward ? window : window.reversed()
    }

    private static func passes(_ event: EventStoreModel.Event, _ filter: EventFilter) -> Bool {
        let stream = event.stream.rawValue
        let type = event.new.type.rawValue
        if stream.hasPrefix("$$"), !filter.includesControlEvents { return false }
        if !filter.categories.isEmpty || !filter.streamPrefixes.isEmpty {
            let isInCategory = filter.categories.contains { stream.hasPrefix($0.rawValue + "-") }
            guard isInCategory || filter.streamPrefixes.contains(where: stream.hasPrefix) else { return false }
        }
        if !filter.types.isEmpty || !filter.typePrefixes.isEmpty {
            guard filter.types.contains(event.new.type) || filter.typePrefixes.contains(where: type.hasPrefix) else {
                return false
            }
        }
        guard filter.tags.subtracting(event.new.tags).isEmpty else { return false }
        return filter.query.map { $0.items.contains { EventStoreModel.fits(event, $0) } } ?? true
    }

    private func requireLike(
        _ events: [RecordedEvent], _ expected: [EventStoreModel.Event]
    ) throws(LawViolation) {
        try requireEqual(events.map(\.position.rawValue), expected.map(\.position), "The positions")
        for (event, model) in zip(events, expected) {
            try requireEqual(event.stream, model.stream, "The stream of \(event.place)")
            try requireEqual(event.version.rawValue, model.version, "The version of \(event.place)")
            try requireEqual(event.type, model.new.type, "The type of \(event.place)")
            try requireEqual(event.recordedAt, model.recordedAt, "The time of \(event.place)")
            try require(event.metadata.elementsEqual(model.new.metadata), "The metadata of \(event.place) differs")
            guard !event.stream.isControl else { continue }
            try requireEqual(event.id, model.new.id, "The identifier of \(event.place)")
            try requireEqual(event.tags, model.new.tags, "The tags of \(event.place)")
            try require(event.data.elementsEqual(model.new.data), "The data of \(event.place) differs")
        }
    }
}
