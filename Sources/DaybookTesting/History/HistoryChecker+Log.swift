import DaybookCore

extension HistoryChecker {
    /// What tells an event of one request from all others.
    private enum Mark: Hashable {
        case event(EventID)
        case control(StreamName, [UInt8])

        init(_ event: RecordedEvent) {
            self = event.stream.isControl ? .control(event.stream, Array(event.metadata)) : .event(event.id)
        }
    }

    /// Which events a request records, in their order.
    private static func marks(of request: AppendRequest) -> [(stream: StreamName, mark: Mark)] {
        request.writes.flatMap { write -> [(StreamName, Mark)] in
            if case .append(let events) = write.action { return events.map { (write.stream, .event($0.id)) } }
            return [(write.stream.control, .control(write.stream.control, write.metadata))]
        }
    }

    /// Divides the log into the appends that wrote it.
    mutating func divideLog() {
        let log = history.log
        let marks = operations.map { $0.request.map(Self.marks) ?? [] }
        var owners = [Int?](repeating: nil, count: log.count)
        var places: [Mark: [Int]] = [:]
        for (index, event) in log.enumerated() { places[Mark(event), default: []].append(index) }

        /// How many events of an operation stand at a place, of those that nobody else has.
        func matched(_ operation: Int, at start: Int) -> Int {
            var count = 0
            for (stream, mark) in marks[operation] {
                let index = start + count
                guard index >= 0, index < log.count, owners[index] == nil, log[index].stream == stream,
                    Mark(log[index]) == mark
                else { break }
                count += 1
            }
            return count
        }

        func claim(_ operation: Int, at start: Int, _ count: Int) {
            for index in start..<start + count { owners[index] = operation }
            commits.append(Commit(range: start..<start + count, operation: operation))
        }

        var misplaced: [Int] = []
        for (index, operation) in operations.enumerated() where operation.isNewAppend && !marks[index].isEmpty {
            guard case .appended(let result) = operation.answer else { continue }
            let end = log.firstIndex(notBelow: result.position) { $0.position } + 1
            let start = end - marks[index].count
            if end <= log.count, log[end - 1].position == result.position,
                matched(index, at: start) == marks[index].count
            {
                claim(index, at: start, marks[index].count)
            } else {
                misplaced.append(index)
            }
        }
        for index in misplaced {
            let found = (places[marks[index][0].mark] ?? []).map { ($0, matched(index, at: $0)) }.max { $0.1 < $1.1 }
            guard let (start, count) = found, count > 0 else {
                violate(
                    .lostWrite, index,
                    places[marks[index][0].mark] == nil
                        ? "None of its events is in the log."
                        : "Its events are in the log only where another append was acknowledged.")
                continue
            }
            claim(index, at: start, count)
            if count < marks[index].count {
                violate(.tornWrite, index, "The log has \(count) of its \(marks[index].count) events in a row.")
            } else {
                let last = log[start + count - 1].position
                violate(.changedResult, index, "Its events are in the log up to position \(last).")
            }
        }
        takeUnknown(marks: marks, owners: &owners)
        for commit in commits {
            if let operation = commit.operation { compareContents(operation, commit.range) }
        }
        commits.sort { $0.range.lowerBound < $1.range.lowerBound }
    }

    /// Explains the events that no acknowledged append has by those whose outcome is unknown.
    private mutating func takeUnknown(marks: [[(stream: StreamName, mark: Mark)]], owners: inout [Int?]) {
        let log = history.log
        let left = Set(log.indices.filter { owners[$0] == nil }.map { Mark(log[$0]) })
        guard !left.isEmpty else { return }
        var askers: [Mark: [Int]] = [:]
        for index in operations.indices {
            for (_, mark) in marks[index] where left.contains(mark) { askers[mark, default: []].append(index) }
        }
        var taken: Set<Int> = []
        for index in log.indices where owners[index] == nil {
            let candidates = askers[Mark(log[index])] ?? []
            let writers = candidates.filter { operation in
                let marks = marks[operation]
                guard operations[operation].answer == .unknown, !taken.contains(operation),
                    index + marks.count <= log.count, couldWrite(operation, log[index].position)
                else { return false }
                return marks.enumerated().allSatisfy { offset, mark in
                    owners[index + offset] == nil && log[index + offset].stream == mark.stream
                        && Mark(log[index + offset]) == mark.mark
                }
            }
            if let writer = writers.first {
                taken.insert(writer)
                for place in index..<index + marks[writer].count { owners[place] = writer }
                // An append that was sent again under other expectations asks for the same events.
                let others = writers.dropFirst().filter { marks[$0].count == marks[writer].count }
                commits.append(
                    Commit(
                        range: index..<index + marks[writer].count, operation: writer, others: Array(others)))
                continue
            }
            commits.append(Commit(range: index..<index + 1, operation: nil))
            let event = log[index].place
            if let writer = candidates.first(where: { operations[$0].isNewAppend }) {
                violate(.duplicateWrite, writer, "Event \(event) is in the log besides what was acknowledged.")
            } else if let writer = candidates.first(where: { operations[$0].answer == .unknown }) {
                violate(.tornWrite, writer, "Event \(event) is in the log without the others of its append, or again.")
            } else if let asker = candidates.first {
                violate(.phantomEvent, asker, "Event \(event) is in the log.")
            } else {
                violate(.phantomEvent, nil, "Nobody asked for event \(event).")
            }
        }
    }

    /// Whether an operation that was never answered was on its way while the store wrote a position.
    private func couldWrite(_ operation: Int, _ position: Position) -> Bool {
        let started = operations[operation].started
        let before = history.openings.last { $0.instant < started }
        let after = history.openings.first { $0.instant > started }
        return position > (before?.head ?? .start) && position <= (after?.head ?? Position(.max))
    }

    private mutating func compareContents(_ operation: Int, _ range: Range<Int>) {
        guard let request = operations[operation].request else { return }
        var index = range.lowerBound
        for write in request.writes {
            guard case .append(let events) = write.action else {
                if index < range.upperBound, history.log[index].type != EventStoreModel.controlType(of: write.action) {
                    violate(
                        .changedResult, operation, "The log has another change of settings: \(history.log[index].place)"
                    )
                }
                index += 1
                continue
            }
            for event in events where index < range.upperBound {
                let recorded = history.log[index]
                index += 1
                let isSame =
                    recorded.type == event.type && recorded.schemaVersion == event.schemaVersion
                    && recorded.contentType == event.contentType && recorded.data.elementsEqual(event.data)
                    && recorded.metadata.elementsEqual(event.metadata) && Set(recorded.tags) == Set(event.tags)
                if !isSame {
                    violate(.changedResult, operation, "The log has event \(recorded.place) with other contents.")
                }
            }
        }
    }
}
