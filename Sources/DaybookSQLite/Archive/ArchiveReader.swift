/// Finds the archive that holds a position, and opens it when it is first needed; for one connection to a store.
///
/// A position that was archived stays so, and the list of archives only grows: it is read again when a position is asked
/// for that it does not have.
final class ArchiveReader {
    private let connection: Connection
    private let store: String
    let fileSystem: String?
    private var rows: [ArchiveRow] = []
    /// Those that are open, the one used last at the end.
    private var open: [(first: Int64, file: ArchiveFile)] = []

    private static let mostOpen = 4

    init(_ connection: Connection, store: String, fileSystem: String?) {
        self.connection = connection
        self.store = store
        self.fileSystem = fileSystem
    }

    /// The archive that has the events at a position, and which positions it has; nil when none does.
    func archive(
        containing position: Int64
    ) throws(StoreFailure) -> (file: ArchiveFile, positions: ClosedRange<Int64>)? {
        guard let row = try row(containing: position) else { return nil }
        if let index = open.firstIndex(where: { $0.first == row.positions.lowerBound }) {
            if index < open.count - 1 { open.append(open.remove(at: index)) }
            return (open[open.count - 1].file, row.positions)
        }
        do {
            let file = try ArchiveFile(row, beside: store, fileSystem: fileSystem)
            if open.count == Self.mostOpen { open.removeFirst() }
            open.append((row.positions.lowerBound, file))
            return (file, row.positions)
        } catch {
            throw .archive(position: position, file: error.path, reason: error.reason)
        }
    }

    func row(containing position: Int64) throws(StoreFailure) -> ArchiveRow? {
        if let known = known(position) { return known }
        rows = try all()
        return known(position)
    }

    /// All archives, in the order of their positions. A damaged row stands for nothing.
    func all() throws(StoreFailure) -> [ArchiveRow] {
        var found: [ArchiveRow] = []
        do {
            let statement = try connection.prepare("SELECT \(ArchiveRow.columns) FROM archives ORDER BY first")
            while try statement.step() {
                if let row = ArchiveRow(statement) { found.append(row) }
            }
        } catch {
            // A file of version 1 on a full disk has no such table.
            if error.message.contains("no such table") { return [] }
            throw StoreFailure(reading: error, fromIndex: false)
        }
        return found
    }

    /// How many rows there are, damaged ones too.
    func count() throws(StoreFailure) -> Int64 {
        do { return try connection.integer("SELECT count(*) FROM archives") ?? 0 } catch {
            if error.message.contains("no such table") { return 0 }
            throw StoreFailure(reading: error, fromIndex: false)
        }
    }

    /// The last archive; read and checked, when events of it are still in the store's own file and are to be removed there.
    func checkedLast() throws(StoreFailure) -> ArchiveRow? {
        guard let row = try all().last else { return nil }
        let first: Int64
        do { first = try connection.integer("SELECT min(position) FROM events") ?? .max } catch {
            throw StoreFailure(reading: error, fromIndex: false)
        }
        guard first <= row.positions.upperBound else { return row }
        do throws(ArchiveDamage) {
            let file = try ArchiveFile(row, beside: store, fileSystem: fileSystem)
            let result = Result { () throws(StoreFailure) in try file.check(row) }
            if case .failure(let failure) = result { throw ArchiveDamage(file.path, failure.reason(file: store)) }
        } catch {
            throw .archive(position: row.positions.lowerBound, file: error.path, reason: error.reason)
        }
        return row
    }

    private func known(_ position: Int64) -> ArchiveRow? {
        var low = 0
        var high = rows.count
        while low < high {
            let middle = (low + high) / 2
            if rows[middle].positions.upperBound < position { low = middle + 1 } else { high = middle }
        }
        return low < rows.count && rows[low].positions.contains(position) ? rows[low] : nil
    }
}
