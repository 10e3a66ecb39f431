#if Postgres
import CPostgres

/// Where the server is, and how a connection to it is made.
struct ServerAddress: Sendable {
    /// As libpq takes it: an address that begins with `postgresql://`, or `key=value` pairs.
    var connectionString: String
    /// What the connection is for, as `pg_stat_activity` shows it.
    var use: String
    /// Takes a server that refuses writes, to find out that it does.
    var acceptsStandby = false

    /// What libpq is told, in an order in which later ones win. What stands before the connection string is a default: a
    /// connection that is dead is noticed within half a minute, also when nobody sends anything.
    var parameters: [(key: String, value: String)] {
        [
            ("connect_timeout", "10"), ("keepalives", "1"), ("keepalives_idle", "10"), ("keepalives_interval", "5"),
            ("keepalives_count", "3"), ("tcp_user_timeout", "30000"), ("target_session_attrs", "read-write"),
            ("application_name", "daybook \(use)"), ("dbname", connectionString), ("client_encoding", "UTF8"),
        ] + (acceptsStandby ? [("target_session_attrs", "any")] : [])
    }

    /// The hosts, the database and the user, without what nobody is to read in a log.
    var shown: String {
        guard let options = PQconninfoParse(connectionString, nil) else { return "the connection string" }
        defer { PQconninfoFree(options) }
        var parts: [String] = []
        var option = options
        while let keyword = option.pointee.keyword {
            let key = String(cString: keyword)
            if ["host", "hostaddr", "port", "dbname", "user"].contains(key), let value = option.pointee.val {
                parts.append("\(key)=\(String(cString: value))")
            }
            option += 1
        }
        return parts.joined(separator: " ")
    }
}
#endif
