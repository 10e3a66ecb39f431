import DaybookCore

/// Turns names into their numbers and back, for one connection.
final class NameReader {
    private let byNumber: Statement
    private let index: IndexReader
    private var texts: RecentCache<Int64, String>
    private var numbers: RecentCache<NameKey, Int64>

    init(_ connection: Connection, index: IndexReader, capacity: Int) throws(SQLiteFailure) {
        self.index = index
        byNumber = try connection.prepare("SELECT kind, text, crc FROM names WHERE id = ?")
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
            // A number from the tail may belong to a transaction that is not committed yet: then it has no row.
            guard let row = try row(number), NameKey(kind: row.kind, text: row.text) == name else { continue }
            numbers[name] = number
            return number
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
        let kind = byNumber.integer(0)
        let text = byNumber.text(1)
        guard byNumber.integer(2) == Int64(Self.crc(number, kind, text)), let nameKind = NameKind(rawValue: UInt8(kind))
        else { throw .damaged(position: nil, stream: nil, reason: "the CRC-32C of name \(number) is wrong") }
        return (nameKind, text)
    }

    static func crc(_ number: Int64, _ kind: Int64, _ text: String) -> UInt32 {
        var text = text
        return text.withUTF8 { CRC32C.of(number, UInt8(truncatingIfNeeded: kind), UnsafeRawBufferPointer($0)) }
    }
}
