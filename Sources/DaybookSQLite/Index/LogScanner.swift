import DaybookCore

/// Reads the log from its beginning, or from where the index ends, to gather what leads to its events.
final class LogScanner {
    private let reader: LogReader
    private let names: Statement
    /// The category of each stream seen, by their names' numbers.
    private var categories: RecentCache<Int64, Int64>
    /// Names met on the way. Those from before the scan are in the index.
    private var met: [NameKey: Int64] = [:]
    /// Streams that have a control stream, among the names of the scan.
    private var controlled: Set<NameKey> = []
    /// Whether the scan begins at the beginning, and needs no index.
    private let isWhole: Bool

    /// - Parameter name: The scan begins behind this name.
    init(_ reader: LogReader, after name: Int64) throws(SQLiteFailure) {
        self.reader = reader
        isWhole = name == 0
        names = try reader.connection.prepare("SELECT id, kind, text, crc FROM names WHERE id > ? ORDER BY id")
        categories = RecentCache(capacity: 100_000)
        let controls = try reader.connection.prepare(
            "SELECT text FROM names WHERE id > ? AND kind = \(NameKind.stream.rawValue) AND substr(text, 1, 2) = '$$'")
        controls.bind(1, name)
        while try controls.step() {
            guard let stream = StreamName(unchecked: controls.text(0)).controlled else { continue }
            controlled.insert(NameKey(kind: .stream, text: stream.rawValue))
        }
    }

    /// Adds what leads to names, commits and events behind some numbers, until enough is gathered.
    func gather(
        into generation: inout IndexTail.Generation, from done: inout LogNumbers, through last: LogNumbers,
        atMost limit: Int
    ) throws(StoreFailure) {
        try gatherNames(into: &generation, from: &done, through: last, atMost: limit)
        while done.commit < last.commit, generation.count < limit {
            let key = try key(ofCommit: done.commit + 1)
            done.commit += 1
            generation.add(done.commit, ordinal: done.commit, under: key)
        }
        guard done.position < last.position, generation.count < limit else { return }
        var gathered = generation
        while done.position < last.position, gathered.count < limit {
            do {
                try gatherEvents(into: &gathered, from: &done.position, through: last.position, atMost: limit)
            } catch {
                guard case .damaged(let at?, _, _) = error, at > done.position else { throw error }
                let end = try reader.lastMissing(from: at, through: last.position, limit: Self.mostMissing + 1)
                guard end - at < Self.mostMissing || end == last.position else {
                    throw .damaged(
                        position: at, stream: nil, reason: "it is missing, and so are the \(end - at) events behind it")
                }
                if end < at { try place(damaged: at, into: &gathered) }
                if at <= end { unplaced += at...end }
                for position in at...max(at, end) { gathered.add(position, ordinal: position, under: .damagedEvents) }
                done.position = max(at, end)
            }
        }
        generation = gathered
    }

    private func key(ofCommit number: Int64) throws(StoreFailure) -> IndexKey {
        let lost = reader.lostCommit(number)
        if lost.isLost { return lost.hash.map { IndexKey(kind: .command, key: $0) } ?? .lostCommits }
        guard let record = try reader.commitRecord(number) else {
            throw .damaged(position: nil, stream: nil, reason: "commit \(number) is missing")
        }
        return .command(record.command)
    }

    private func gatherEvents(
        into gathered: inout IndexTail.Generation, from done: inout Int64, through last: Int64, atMost limit: Int
    ) throws(StoreFailure) {
        done = try reader.records(from: done + 1, through: last) { at, record throws(StoreFailure) in
            var tags: [Int64] = []
            for index in 0..<record.tagCount { tags.append(record.tag(index)) }
            let stream: StreamName
            do throws(StoreFailure) { stream = try reader.stream(record.stream) } catch { throw error.at(at) }
            let category = try category(of: record.stream, named: stream, at: at)
            let controlled = try controlledNumber(of: stream, at: at)
            closeGap(before: record.version, of: record.stream, in: &gathered)
            gathered.add(
                at, stream: record.stream, version: record.version, category: category, type: record.type, tags: tags,
                controls: controlled)
            done = at
            return gathered.count < limit
        }
    }

    // MARK: - Damaged events

    /// A log that lacks more events than this in a row is none.
    private static let mostMissing: Int64 = 1_000_000

    /// Damaged events of which it cannot be told where they belong. While there are any, a stream may have lost its last
    /// event, and nothing can be appended.
    private(set) var unplaced: [Int64] = []

    /// Notes down what is lost, for this opening and all to come, when the scan has reached the end.
    func finish(_ generation: inout IndexTail.Generation) {
        for position in unplaced { generation.add(position, ordinal: position, under: .unplacedEvents) }
    }

    /// Leads to a damaged event from the stream it seems to be of, if its version comes next there: its readers then
    /// learn of the damage, and all others read on.
    private func place(damaged position: Int64, into gathered: inout IndexTail.Generation) throws(StoreFailure) {
        guard let hint = try reader.placeTold(byDamaged: position),
            let text = try? reader.names.text(hint.stream, .stream)
        else {
            unplaced.append(position)
            return
        }
        let key = IndexKey(kind: .stream, key: hint.stream)
        var next: Int64?
        if let list = gathered.lists[key] {
            next = list.first + Int64(list.numbers.count)
        } else if !isWhole {
            next = try reader.index.last(under: key, atOrBelow: .max).map { $0.ordinal + 1 } ?? 0
        }
        guard hint.version == next ?? hint.version else {
            unplaced.append(position)
            return
        }
        gathered.add(position, ordinal: hint.version, under: key)
        let name = StreamName(unchecked: text)
        if let category = try? category(of: hint.stream, named: name, at: position) {
            gathered.add(position, ordinal: position, under: IndexKey(kind: .category, key: category))
        }
        if let controlled = try? controlledNumber(of: name, at: position) {
            gathered.add(position, ordinal: position, under: IndexKey(kind: .control, key: controlled))
        }
    }

    /// Fills versions that a stream lacks with damaged events that belong nowhere else.
    private func closeGap(before version: Int64, of stream: Int64, in gathered: inout IndexTail.Generation) {
        let key = IndexKey(kind: .stream, key: stream)
        while !unplaced.isEmpty, let list = gathered.lists[key] {
            let next = list.first + Int64(list.numbers.count)
            guard next < version, let last = list.numbers.last, let index = unplaced.firstIndex(where: { $0 > last })
            else { return }
            gathered.add(unplaced.remove(at: index), ordinal: next, under: key)
        }
    }

    private func gatherNames(
        into generation: inout IndexTail.Generation, from done: inout LogNumbers, through last: LogNumbers,
        atMost limit: Int
    ) throws(StoreFailure) {
        names.bind(1, done.name)
        defer { names.reset() }
        do {
            while done.name < last.name, generation.count < limit {
                guard try names.step() else {
                    throw StoreFailure.damaged(position: nil, stream: nil, reason: "name \(done.name + 1) is missing")
                }
                let number = names.integer(0)
                let kind = names.integer(1)
                let text = names.text(2)
                guard number == done.name + 1, let nameKind = NameKind(rawValue: UInt8(clamping: kind)),
                    names.integer(3) == Int64(NameReader.crc(number, kind, text))
                else {
                    throw StoreFailure.damaged(position: nil, stream: nil, reason: "name \(done.name + 1) is damaged")
                }
                generation.add(number, ordinal: number, under: nameKind == .lost ? .lostNames : .name(nameKind, text))
                let name = NameKey(kind: nameKind, text: text)
                if nameKind == .category || controlled.contains(name) { met[name] = number }
                done.name = number
            }
        } catch let failure as SQLiteFailure {
            throw StoreFailure(reading: failure, fromIndex: false)
        } catch let failure as StoreFailure {
            throw failure
        } catch {
            throw .indexDamaged("\(error)")
        }
    }

    private func category(of stream: Int64, named name: StreamName, at position: Int64) throws(StoreFailure) -> Int64 {
        if let known = categories[stream] { return known }
        let text = name.category.rawValue
        let number = try number(NameKey(kind: .category, text: text), at: position)
        guard let number else {
            throw missing("the name of the category of stream '\(name)'", at: position)
        }
        categories[stream] = number
        return number
    }

    /// The number of the stream that a control stream is about; nil for every other stream.
    private func controlledNumber(of stream: StreamName, at position: Int64) throws(StoreFailure) -> Int64? {
        guard let name = stream.controlled else { return nil }
        let text = name.rawValue
        let number = try number(NameKey(kind: .stream, text: text), at: position)
        guard let number else {
            throw missing("the name of the stream that '\(stream)' is about", at: position)
        }
        return number
    }

    private func number(_ name: NameKey, at position: Int64) throws(StoreFailure) -> Int64? {
        if let number = met[name] { return number }
        do { return try reader.names.number(name.kind, name.text) } catch { throw error.at(position) }
    }

    /// Names from before the scan are looked up in the index, which then is what must be wrong.
    private func missing(_ what: String, at position: Int64?) -> StoreFailure {
        isWhole
            ? .damaged(position: position, stream: nil, reason: "\(what) is missing")
            : .indexDamaged("\(what) is missing")
    }
}
