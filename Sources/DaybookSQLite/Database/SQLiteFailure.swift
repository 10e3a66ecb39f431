import CSQLite

/// What SQLite answered when a call did not succeed.
struct SQLiteFailure: Error, CustomStringConvertible {
    /// The extended result code: https://sqlite.org/rescode.html
    let code: Int32
    let message: String
    let operation: String
    /// The system's own error number behind it; 0 when there is none.
    let systemError: Int32

    init(_ code: Int32, _ handle: OpaquePointer?, _ operation: String) {
        let extended = handle.map { sqlite3_extended_errcode($0) } ?? code
        self.code = extended & 0xFF == code & 0xFF ? extended : code
        message = String(cString: handle.map { sqlite3_errmsg($0) } ?? sqlite3_errstr(code))
        systemError = handle.map { sqlite3_system_errno($0) } ?? 0
        self.operation = operation
    }

    var primaryCode: Int32 { code & 0xFF }

    /// The disk had no room: nothing was changed, and the next attempt may succeed.
    var isDiskFull: Bool { primaryCode == SQLITE_FULL }

    var isCorruption: Bool { primaryCode == SQLITE_CORRUPT || primaryCode == SQLITE_NOTADB }

    /// A table or column that this version makes is not there, or cannot be understood: its definition was damaged.
    var isSchemaDamage: Bool {
        primaryCode == SQLITE_ERROR
            && [
                "no such table", "no such column", "has no column named", "ON CONFLICT clause does not match",
                "unsupported file format",
            ].contains { message.contains($0) }
    }

    var isDamage: Bool { isCorruption || isSchemaDamage }

    var description: String {
        "\(message), SQLite code \(code)" + (systemError == 0 ? "" : ", errno \(systemError)") + ", in \(operation)"
    }
}
