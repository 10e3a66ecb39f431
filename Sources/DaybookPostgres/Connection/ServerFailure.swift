#if Postgres
/// What the server or the connection to it answered instead of a result.
struct ServerFailure: Error, CustomStringConvertible {
    /// Five characters, such as `40001`; empty when the connection failed, or libpq did.
    /// See https://www.postgresql.org/docs/current/errcodes-appendix.html
    var sqlState: String
    var message: String
    /// Whether the connection is of no use any more. A transaction that was being committed may then be there or not.
    var isConnectionLost: Bool

    var description: String { sqlState.isEmpty ? message : "\(message), SQLSTATE \(sqlState)" }

    /// Whether the server, or another one behind the same address, may take the same work in a moment.
    var isWorthRetrying: Bool {
        isConnectionLost || sqlState == "40001" || sqlState == "40P01"
    }

    /// Whether the connection is to be given up: it broke, its server is going down, or became a standby.
    static func givesUpConnection(_ sqlState: String) -> Bool {
        sqlState.hasPrefix("08") || ["57P01", "57P02", "57P03", "57P05", "25006", "25P03", "53300"].contains(sqlState)
    }

    static func lost(_ message: String) -> ServerFailure {
        ServerFailure(sqlState: "", message: message, isConnectionLost: true)
    }
}
#endif
