import DaybookCore

extension LogReader {
    /// Reads a page of the whole log, up to a head.
    func page(
        from cursor: LogCursor, direction: ReadDirection, filter: EventFilter, limit: Int, head: Int64
    ) throws(StoreFailure) -> LogPage {
        let isBackward = direction == .backward
        var start: Int64
        var end: Int64 = isBackward ? 1 : head
        switch (cursor, direction) {
        case (.start, .forward): start = 1
        case (.start, .backward): (start, end) = (min(1, head), 1)
        case (.end, .forward): (start, end) = (max(head, 1), head)
        case (.end, .backward): start = head
        case (.position(let position), .forward): start = max(position.rawValue, 1)
        case (.position(let position), .backward): start = min(position.rawValue, head)
        case (.time(let time), .forward):
            start = try firstPosition(upTo: head) { $0 >= time.microseconds }
        case (.time(let time), .backward):
            start = try firstPosition(upTo: head) { $0 > time.microseconds } - 1
        }
        guard isBackward ? start >= end : start <= end else {
            return LogPage(events: [], scannedThrough: Position(isBackward ? start + 1 : start - 1), isAtEnd: true)
        }
        var page = PageBuilder(expecting: limit)
        var scanned = isBackward ? start + 1 : start - 1
        var looked = 0
        let isWanted = { (page: borrowing PageBuilder, looked: Int) in
            page.count < limit && !page.isFull && looked < Limits.eventsScannedPerPage
        }
        if let expression = try expression(for: filter) {
            var next = start
            while isBackward ? next >= end : next <= end {
                let found = try positions(
                    of: expression, from: next, backward: isBackward, limit: max(64, min(limit - page.count, 1024)),
                    head: head)
                let positions = found.positions.filter { isBackward ? $0 >= end : $0 <= end }
                var isStopped = false
                let before = looked
                try eachRecord(at: positions) { position, record throws(StoreFailure) in
                    try add(record, at: position, passing: filter, to: &page)
                    scanned = position
                    looked += 1
                    isStopped = !isWanted(page, looked)
                    return !isStopped
                }
                if isStopped { break }
                looked = before + positions.count  // Scavenged ones too.
                guard let through = found.through, isBackward ? through > end : through < end else {
                    scanned = end
                    break
                }
                scanned = through
                if !isWanted(page, looked) { break }
                next = isBackward ? through - 1 : through + 1
            }
        } else {
            scanned = try records(from: start, through: end) { position, record throws(StoreFailure) in
                try add(record, at: position, passing: filter, to: &page)
                looked += 1
                return isWanted(page, looked)
            }
        }
        let isAtEnd = isBackward ? scanned <= end : scanned >= end
        return LogPage(events: page.events(), scannedThrough: Position(scanned), isAtEnd: isAtEnd)
    }

    private func add(
        _ record: EventRecord.View, at position: Int64, passing filter: EventFilter, to page: inout PageBuilder
    ) throws(StoreFailure) {
        do {
            if !filter.includesControlEvents, index.hasControls, try isControl(stream: record.stream) { return }
            guard filter.isRestricted else {
                try page.add(record, at: position, from: self)
                return
            }
            guard try filter.matches(stream: stream(record.stream)), try filter.matches(type: type(record.type)) else {
                return
            }
            let tags = try tags(of: record)
            guard filter.tags.allSatisfy(tags.contains),
                try filter.query?.matches(type: type(record.type), tags: tags) ?? true
            else { return }
            try page.add(record, at: position, tags: tags, from: self)
        } catch {
            throw error.at(position)
        }
    }

    /// The first position whose recorded time fulfils something that all later ones fulfil too; the one behind the
    /// head when none does.
    private func firstPosition(upTo head: Int64, where holds: (Int64) -> Bool) throws(StoreFailure) -> Int64 {
        var low: Int64 = 1
        var high = head + 1
        while low < high {
            let middle = low + (high - low) / 2
            var (at, recordedAt): (Int64, Int64) = (middle, .max)
            // Where the event was scavenged, the next one tells.
            try records(from: middle, through: head) { position, record throws(StoreFailure) in
                (at, recordedAt) = (position, record.recordedAt)
                return false
            }
            if holds(recordedAt) { high = middle } else { low = at + 1 }
        }
        return low
    }
}

extension EventFilter {
    /// Whether it keeps any event of an application away.
    var isRestricted: Bool {
        !categories.isEmpty || !streamPrefixes.isEmpty || !types.isEmpty || !typePrefixes.isEmpty || !tags.isEmpty
            || query != nil
    }
}
