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
            controlled.insert(NameKey(kind: .stream, text: String(controls.text(0).dropFirst(2))))
        }
    }

    /// Adds what leads to names, commits and events behind some numbers, until enough is gathered.
    func gather(
        into generation: inout IndexTail.Generation, from done: inout LogNumbers, through last: LogNumbers,
        atMost limit: Int
    ) throws(StoreFailure) {
        try gatherNames(into: &generation, from: &done, through: last, atMost: limit)
        while done.commit < last.commit, generation.count < limit {
            guard let record = try reader.commitRecord(done.commit + 1) else {
                throw .damaged(position: nil, stream: nil, reason: "commit \(done.commit + 1) is missing")
            }
            done.commit += 1
            generation.add(done.commit, ordinal: done.commit, under: .command(record.command))
        }
        guard done.position < last.position, generation.count < limit else { return }
        var gathered = generation
        var position = done.position
        try reader.records(from: done.position + 1, through: last.position) { at, record throws(StoreFailure) in
            var tags: [Int64] = []
            for index in 0..<record.tagCount { tags.append(record.tag(index)) }
            let stream = try reader.stream(record.stream)
            gathered.add(
                at, stream: record.stream, version: record.version,
                category: try category(of: record.stream, named: stream), type: record.type, tags: tags,
                controls: try controlledNumber(of: stream, at: at))
            position = at
            return gathered.count < limit
        }
        generation = gathered
        done.position = position
    }

    private func gatherNames(
        into generation: inout IndexTail.Generation, from done: inout LogNumbers, through last: LogNumbers,
        atMost limit: Int
    ) throws(StoreFailure) {
        names.bind(1, done.name)
        defer { names.reset() }
        do {
            while done.name < last.name, generation.count < limit, try names.step() {
                let number = names.integer(0)
                let kind = names.integer(1)
                let text = names.text(2)
                guard number == done.name + 1, let nameKind = NameKind(rawValue: UInt8(clamping: kind)),
                    names.integer(3) == Int64(NameReader.crc(number, kind, text))
                else {
                    throw StoreFailure.damaged(position: nil, stream: nil, reason: "name \(done.name + 1) is damaged")
                }
                generation.add(number, ordinal: number, under: .name(nameKind, text))
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

    private func category(of stream: Int64, named name: StreamName) throws(StoreFailure) -> Int64 {
        if let known = categories[stream] { return known }
        let text = name.category.rawValue
        let number = try number(NameKey(kind: .category, text: text))
        guard let number else {
            throw missing("the name of the category of stream '\(name)'", at: nil)
        }
        categories[stream] = number
        return number
    }

    /// The number of the stream that a control stream is about; nil for every other stream.
    private func controlledNumber(of stream: StreamName, at position: Int64) throws(StoreFailure) -> Int64? {
        guard let name = stream.controlled else { return nil }
        let text = name.rawValue
        let number = try number(NameKey(kind: .stream, text: text))
        guard let number else {
            throw missing("the name of the stream that '\(stream)' is about", at: position)
        }
        return number
    }

    private func number(_ name: NameKey) throws(StoreFailure) -> Int64? {
        if let number = met[name] { return number }
        return try reader.names.number(name.kind, name.text)
    }

    /// Names from before the scan are looked up in the index, which then is what must be wrong.
    private func missing(_ what: String, at position: Int64?) -> StoreFailure {
        isWhole
            ? .damaged(position: position, stream: nil, reason: "\(what) is missing")
            : .indexDamaged("\(what) is missing")
    }
}
