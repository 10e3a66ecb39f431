import DaybookCore

extension LogReader {
    /// Reads a page of one stream, as the log is up to a head.
    func page(
        of name: StreamName, from cursor: StreamCursor, direction: ReadDirection, limit: Int, head: Int64,
        now: Timestamp
    ) throws(StoreFailure) -> StreamPage {
        guard let number = try names.number(.stream, name.rawValue) else {
            return StreamPage(events: [], state: StreamState(), isAtEnd: true)
        }
        let lastVersion = try lastVersion(ofStream: number, head: head)
        let state = try control(ofStream: number, head: head).state(lastVersion: lastVersion)
        guard state.status == .live, let last = lastVersion?.rawValue,
            let visible = try visibleVersions(of: number, in: state, last: last, head: head, now: now)
        else { return StreamPage(events: [], state: state, isAtEnd: true) }

        let start: Int64
        switch (cursor, direction) {
        case (.start, _): start = visible.lowerBound
        case (.end, _): start = visible.upperBound
        case (.version(let version), _): start = version.rawValue
        case (.position(let position), _):
            start =
                try firstVersion(of: number, in: visible, head: head) { at throws(StoreFailure) in
                    direction == .forward ? at >= position.rawValue : at > position.rawValue
                } - (direction == .forward ? 0 : 1)
        case (.time(let time), _):
            start =
                try firstVersion(of: number, in: visible, head: head) { at throws(StoreFailure) in
                    let recordedAt = try withRecord(at: at) { record throws(StoreFailure) in record.recordedAt }
                    return direction == .forward ? recordedAt >= time.microseconds : recordedAt > time.microseconds
                } - (direction == .forward ? 0 : 1)
        }
        var version = direction == .forward ? max(start, visible.lowerBound) : min(start, visible.upperBound)
        var end = direction == .forward ? visible.upperBound : visible.lowerBound
        switch (cursor, direction) {  // From an end, away from the events: that one event.
        case (.start, .backward), (.end, .forward): end = version
        default: break
        }

        var page = PageBuilder(expecting: limit)
        let step: Int64 = direction == .forward ? 1 : -1
        while direction == .forward ? version <= end : version >= end, page.count < limit, !page.isFull {
            let wanted = min(limit - page.count, Int(abs(end - version)) + 1, Self.positionsPerLookup)
            let positions = try positions(
                of: number, from: version, backward: direction == .backward, count: wanted, head: head)
            guard !positions.isEmpty else {
                throw .indexDamaged("stream '\(name)' has no entry for version \(version)")
            }
            try eachRecord(at: positions) { position, record throws(StoreFailure) in
                guard record.stream == number, record.version == version else {
                    throw .indexDamaged("the entry of stream '\(name)', version \(version), leads to another event")
                }
                try page.add(record, at: position, from: self)
                version += step
                return page.count < limit && !page.isFull
            }
        }
        return StreamPage(
            events: page.events(), state: state, isAtEnd: direction == .forward ? version > end : version < end)
    }

    private static let positionsPerLookup = 1024

    /// The versions that retention leaves visible; nil when none.
    func visibleVersions(
        of number: Int64, in state: StreamState, last: Int64, head: Int64, now: Timestamp
    ) throws(StoreFailure) -> ClosedRange<Int64>? {
        var first = state.firstVisibleVersion.rawValue
        guard first <= last else { return nil }
        first = try firstKeptVersion(of: number, in: first...last, head: head)
        if state.retention.maxAge != nil {
            first = try firstVersion(of: number, in: first...last, head: head) { position throws(StoreFailure) in
                try withRecord(at: position) { record throws(StoreFailure) in
                    state.shows(
                        version: StreamVersion(record.version),
                        recordedAt: Timestamp(microseconds: record.recordedAt), now: now)
                }
            }
            guard first <= last else { return nil }
        }
        return first...last
    }

    /// The first version of a range that was not scavenged: what was, is always the beginning of a stream, and never its
    /// last event.
    func firstKeptVersion(
        of number: Int64, in range: ClosedRange<Int64>, head: Int64
    ) throws(StoreFailure) -> Int64 {
        guard index.tail.hasScavenged.load(ordering: .acquiring) else { return range.lowerBound }
        var low = range.lowerBound
        var high = range.upperBound
        var middle = low
        while low < high {
            // An index that was built since leads to kept events only.
            let position = try positions(of: number, from: middle, backward: false, count: 1, head: head).first
            if let position, try isKept(position) { high = middle } else { low = middle + 1 }
            middle = low + (high - low) / 2
        }
        return low
    }

    /// The first version of a range whose position fulfils something that all later ones fulfil too; the one behind
    /// the range when none does. A binary search.
    func firstVersion(
        of number: Int64, in range: ClosedRange<Int64>, head: Int64,
        where holds: (Int64) throws(StoreFailure) -> Bool
    ) throws(StoreFailure) -> Int64 {
        var low = range.lowerBound
        var high = range.upperBound + 1
        while low < high {
            let middle = low + (high - low) / 2
            guard let position = try positions(of: number, from: middle, backward: false, count: 1, head: head).first
            else { throw .indexDamaged("a stream has no entry for version \(middle)") }
            if try holds(position) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// The positions of consecutive versions of a stream, in the direction asked.
    func positions(
        of stream: Int64, from version: Int64, backward: Bool, count: Int, head: Int64
    ) throws(StoreFailure) -> [Int64] {
        let postings = try index.numbers(
            under: IndexKey(kind: .stream, key: stream), from: version, backward: backward, limit: count,
            atOrBelow: head)
        guard let postings else { return [] }
        if backward {
            guard postings.lastOrdinal == version else { return [] }
            return postings.numbers.suffix(count).reversed()
        }
        guard postings.first == version else { return [] }
        return Array(postings.numbers.prefix(count))
    }

    /// Looks at the records of some positions, in their order, until told to stop; neighbours are read in one go.
    /// Positions that were scavenged are passed over.
    func eachRecord(
        at positions: [Int64], _ body: (Int64, EventRecord.View) throws(StoreFailure) -> Bool
    ) throws(StoreFailure) {
        var index = 0
        while index < positions.count {
            var end = index + 1
            let step: Int64 = end < positions.count && positions[end] < positions[index] ? -1 : 1
            while end < positions.count, positions[end] == positions[end - 1] + step { end += 1 }
            var goesOn = true
            if end - index >= Self.shortestRun {
                try records(from: positions[index], through: positions[end - 1]) {
                    position, record throws(StoreFailure) in
                    goesOn = try body(position, record)
                    return goesOn
                }
                index = end
            } else {
                goesOn =
                    try withRecordIfKept(at: positions[index]) { record throws(StoreFailure) in
                        try body(positions[index], record)
                    } ?? true
                index += 1
            }
            if !goesOn { return }
        }
    }

    /// From so many neighbours on, a scan is cheaper than a search for each.
    private static let shortestRun = 3
}
