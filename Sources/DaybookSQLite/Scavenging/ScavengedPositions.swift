/// The positions whose events were removed on purpose: rows of the table `scavenged`, read through one connection.
///
/// It is asked only where an event is not there, so that nothing has to be kept up to date. The part of the table around
/// the last question is held in memory for the rest of the transaction, so that a walk through the log asks seldom.
final class ScavengedPositions {
    private let connection: Connection
    private var statements: (below: Statement, above: Statement)?
    /// Sorted neighbours in the table.
    private var window: [ClosedRange<Int64>] = []

    private static let rangesBelow = 64
    private static let rangesAbove = 192

    init(_ connection: Connection) { self.connection = connection }

    /// Forgets what an earlier transaction saw.
    func begin() { window.removeAll(keepingCapacity: true) }

    /// The next scavenged positions from one on that was not, in a direction; nil when there are none.
    func nextRange(from position: Int64, backward: Bool) throws(StoreFailure) -> ClosedRange<Int64>? {
        do {
            let statement = try connection.prepare(
                backward
                    ? "SELECT first, last, crc FROM scavenged WHERE first < ? ORDER BY first DESC LIMIT 1"
                    : "SELECT first, last, crc FROM scavenged WHERE first > ? ORDER BY first LIMIT 1")
            statement.bind(1, position)
            guard try statement.step() else { return nil }
            guard let range = ScavengedRange(statement)?.positions else {
                throw StoreFailure.damaged(
                    position: position, stream: nil, reason: "what tells of scavenged events behind it is damaged")
            }
            return range
        } catch let failure as SQLiteFailure {
            throw StoreFailure(reading: failure, fromIndex: false)
        } catch let failure as StoreFailure {
            throw failure
        } catch {
            throw .damaged(position: position, stream: nil, reason: "\(error)")
        }
    }

    /// The scavenged positions around one of them; nil when this one was not scavenged.
    func range(containing position: Int64) throws(StoreFailure) -> ClosedRange<Int64>? {
        if let known = known(position) { return known }
        do {
            try readWindow(around: position)
        } catch {
            if error.message.contains("no such table") { return nil }
            throw StoreFailure(reading: error, fromIndex: false)
        }
        return known(position)
    }

    /// Whether anything was ever scavenged.
    func isAny() throws(StoreFailure) -> Bool { try integer("SELECT 1 FROM scavenged LIMIT 1") != nil }

    /// How many positions were scavenged.
    func count() throws(StoreFailure) -> Int64 { try integer("SELECT sum(last - first + 1) FROM scavenged") ?? 0 }

    private func integer(_ query: String) throws(StoreFailure) -> Int64? {
        do {
            return try connection.integer(query)
        } catch {
            // A file of version 1 on a full disk has no such table, and nothing was removed from it.
            if error.message.contains("no such table") { return nil }
            throw StoreFailure(reading: error, fromIndex: false)
        }
    }

    private func known(_ position: Int64) -> ClosedRange<Int64>? {
        var low = 0
        var high = window.count
        while low < high {
            let middle = (low + high) / 2
            if window[middle].upperBound < position { low = middle + 1 } else { high = middle }
        }
        guard low < window.count, window[low].contains(position) else { return nil }
        return window[low]
    }

    private func prepared() throws(SQLiteFailure) -> (below: Statement, above: Statement) {
        if let statements { return statements }
        let prepared = (
            below: try connection.prepare(
                "SELECT first, last, crc FROM scavenged WHERE first <= ? ORDER BY first DESC LIMIT \(Self.rangesBelow)"),
            above: try connection.prepare(
                "SELECT first, last, crc FROM scavenged WHERE first > ? ORDER BY first LIMIT \(Self.rangesAbove)")
        )
        statements = prepared
        return prepared
    }

    private func readWindow(around position: Int64) throws(SQLiteFailure) {
        let (below, above) = try prepared()
        window.removeAll(keepingCapacity: true)
        below.bind(1, position)
        while try below.step() {
            // A damaged row stands for nothing: reads of its positions say that they are missing.
            if let range = ScavengedRange(below)?.positions { window.append(range) }
        }
        window.reverse()
        above.bind(1, position)
        while try above.step() {
            if let range = ScavengedRange(above)?.positions { window.append(range) }
        }
    }
}

/// A row of the table `scavenged`.
struct ScavengedRange {
    let positions: ClosedRange<Int64>

    init(_ positions: ClosedRange<Int64>) { self.positions = positions }

    /// Nil when the row is not what was written.
    init?(_ row: Statement) {
        let (first, last) = (row.integer(0), row.integer(1))
        guard first >= 1, first <= last else { return nil }
        self.init(first...last)
        guard row.integer(2) == Int64(crc) else { return nil }
    }

    var crc: UInt32 {
        withUnsafeBytes(of: positions.upperBound.littleEndian) { CRC32C.of(positions.lowerBound, $0) }
    }
}
