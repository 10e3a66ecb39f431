import CSQLite

/// A SQLite connection without anything of the store: `numbers(n INTEGER PRIMARY KEY, padding BLOB)` in WAL mode.
final class RawDatabase {
    private var connection: OpaquePointer?

    /// Opens the database on a file system of a given name, the default one when nil.
    init(_ path: String, fileSystem: String? = nil, synchronous: String = "FULL") throws {
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX
        let result = sqlite3_open_v2(path, &connection, flags, fileSystem)
        guard result == SQLITE_OK else {
            let code = sqlite3_extended_errcode(connection)
            close()
            throw RawDatabaseError(code: code)
        }
        sqlite3_extended_result_codes(connection, 1)
        do {
            try execute("PRAGMA journal_mode = WAL")
            try execute("PRAGMA synchronous = \(synchronous)")
            try execute("PRAGMA wal_autocheckpoint = 40")
            try execute("CREATE TABLE IF NOT EXISTS numbers(n INTEGER PRIMARY KEY, padding BLOB)")
        } catch {
            close()
            throw error
        }
    }

    deinit { close() }

    func close() {
        sqlite3_close_v2(connection)
        connection = nil
    }

    func execute(_ statement: String) throws(RawDatabaseError) {
        let result = sqlite3_exec(connection, statement, nil, nil, nil)
        guard result == SQLITE_OK else { throw RawDatabaseError(code: result) }
    }

    /// One transaction of one row with 1,500 bytes beside it, which is more than half a page.
    func insert(_ number: Int) throws(RawDatabaseError) {
        try execute("INSERT INTO numbers VALUES(\(number), randomblob(1500))")
    }

    func insert(_ numbers: ClosedRange<Int>) throws(RawDatabaseError) {
        for number in numbers { try insert(number) }
    }

    func integers(_ query: String) throws(RawDatabaseError) -> [Int] {
        var statement: OpaquePointer?
        defer { sqlite3_finalize(statement) }
        var result = sqlite3_prepare_v2(connection, query, -1, &statement, nil)
        guard result == SQLITE_OK else { throw RawDatabaseError(code: result) }
        var values: [Int] = []
        while true {
            result = sqlite3_step(statement)
            guard result == SQLITE_ROW else { break }
            values.append(Int(sqlite3_column_int64(statement, 0)))
        }
        guard result == SQLITE_DONE else { throw RawDatabaseError(code: result) }
        return values
    }

    func text(_ query: String) throws(RawDatabaseError) -> String {
        var statement: OpaquePointer?
        defer { sqlite3_finalize(statement) }
        let result = sqlite3_prepare_v2(connection, query, -1, &statement, nil)
        guard result == SQLITE_OK else { throw RawDatabaseError(code: result) }
        guard sqlite3_step(statement) == SQLITE_ROW else {
            throw RawDatabaseError(code: sqlite3_extended_errcode(connection))
        }
        return sqlite3_column_text(statement, 0).map { String(cString: $0) } ?? ""
    }

    func numbers() throws(RawDatabaseError) -> [Int] { try integers("SELECT n FROM numbers ORDER BY n") }

    /// The highest number that is there when all from 1 are, and the file is whole.
    func highestOfAll() throws -> Int {
        guard try text("PRAGMA integrity_check") == "ok" else { throw RawDatabaseError(code: SQLITE_CORRUPT) }
        let numbers = try numbers()
        guard numbers == Array(1..<(numbers.count + 1)) else {
            throw TestFailure("The numbers have a hole: \(numbers)")
        }
        return numbers.count
    }
}

/// A SQLite result code, extended.
struct RawDatabaseError: Error, Equatable {
    let code: Int32
}
