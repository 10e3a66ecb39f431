import DaybookCore

/// Turns names into their numbers and back, for one connection.
final class NameReader {
    private let byNumber: Statement
    private let lastNumber: Statement
    private let index: IndexReader
    private var texts: RecentCache<Int64, String>
    private var numbers: RecentCache<NameKey, Int64>

    init(_ connection: Connection, index: IndexReader, capacity: Int) throws(SQLiteFailure) {
        self.index = index
        byNumber = try connection.prepare("SELECT id, kind, text, crc FROM names WHERE id = ?")
        lastNumber = try connection.prepare("SELECT max(id) FROM names")
        texts = RecentCache(capacity: capacity)
        numbers = RecentCache(capacity: capacity)
    }

    /// How many names are remembered.
    var cachedCount: Int { texts.count }

    func text(_ number: Int64, _ kind: NameKind) throws(StoreFailure) -> String {
        if let text = texts[number] { return text }
        guard let row = try row(number), row.kind == kind else {
            throw .damaged(position: nil, stream: nil, reason: "name \(number) of kind \(kind) is missing")
        }
        texts[number] = row.text
        return row.text
    }

    /// The number of a name, or nil when it was never used.
    func number(_ kind: NameKind, _ text: String) throws(StoreFailure) -> Int64? {
        let name = NameKey(kind: kind, text: text)
        if let number = numbers[name] { return number }
        let candidates = try index.numbers(
            under: .name(kind, text), from: 0, backward: false, limit: .max / 2, atOrBelow: .max)
        for number in candidates?.numbers ?? [] {
            guard let row = try row(number) else {
                try checkIsUncommitted(number)
                continue
            }
            guard NameKey(kind: row.kind, text: row.text) == name else { continue }
            numbers[name] = number
            return number
        }
        if let lost = try index.firstLost(.lostNames) {
            throw .damaged(
                position: nil, stream: nil,
                reason: "nothing leads to '\(text)', which may be name \(lost): \(LostRecord.reason)")
        }
        return nil
    }

    /// Takes in what the owner of the connection has just given a number.
    func remember(_ kind: NameKind, _ text: String, number: Int64) {
        numbers[NameKey(kind: kind, text: text)] = number
        texts[number] = text
    }

    /// Forgets everything, since some of it was never committed.
    func forget() {
        numbers.removeAll()
        texts.removeAll()
    }

    private func row(_ number: Int64) throws(StoreFailure) -> (kind: NameKind, text: String)? {
        byNumber.bind(1, number)
        do {
            guard try byNumber.step() else { return nil }
        } catch {
            throw StoreFailure(reading: error, fromIndex: false)
        }
        defer { byNumber.reset() }
        return try Self.name(byNumber, expecting: number)
    }

    /// A number from the tail may belong to a transaction that is not committed yet: then it has no row, and is the last.
    private func checkIsUncommitted(_ number: Int64) throws(StoreFailure) {
        do {
            defer { lastNumber.reset() }
            guard try lastNumber.step(), lastNumber.integer(0) > number else { return }
        } catch {
            throw StoreFailure(reading: error, fromIndex: false)
        }
        throw .damaged(position: nil, stream: nil, reason: "name \(number) is missing")
    }

    /// Reads a row of `id`, `kind`, `text`, `crc`, which is to be that of a number.
    static func name(
        _ row: Statement, expecting number: Int64
    ) throws(StoreFailure) -> (kind: NameKind, text: String) {
        let found = row.integer(0)
        guard found == number else {
            throw .damaged(position: nil, stream: nil, reason: "name \(number) is missing; \(found) comes next")
        }
        let kind = row.integer(1)
        let text = row.text(2)
        guard row.integer(3) == Int64(crc(number, kind, text)), let nameKind = NameKind(rawValue: UInt8(clamping: kind))
        else { throw .damaged(position: nil, stream: nil, reason: "the CRC-32C of name \(number) is wrong") }
        guard nameKind != .lost else {
            throw .damaged(position: nil, stream: nil, reason: "name \(number): \(LostRecord.reason)")
        }
        return (nameKind, text)
    }

    static func crc(_ number: Int64, _ kind: Int64, _ text: String) -> UInt32 {
        var text = text
        return text.withUTF8 { CRC32C.of(number, UInt8(truncatingIfNeeded: kind), UnsafeRawBufferPointer($0)) }
    }
}
