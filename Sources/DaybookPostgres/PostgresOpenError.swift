#if Postgres
import DaybookCore

/// Why a store could not be opened. What the database holds is as it was.
public enum PostgresOpenError: Error, Equatable, CustomStringConvertible {
    /// The name of the schema is empty, longer than PostgreSQL's 63 bytes, or one of PostgreSQL's own.
    case schemaName(String)
    /// No server at this address takes a connection.
    case unreachable(address: String, reason: String)
    /// Every server at this address is a standby, or refuses writes for another reason.
    case readOnly(address: String)
    /// PostgreSQL before 14.
    case serverTooOld(address: String, version: Int)
    /// The database keeps text in another encoding than UTF-8.
    case encoding(address: String, found: String)
    /// The server promises less than the configuration asks for: the setting, its value, and those that will do.
    case notDurable(address: String, setting: String, value: String, needed: String)
    /// There are no tables of a store, and the configuration says not to make any.
    case missing(address: String, schema: String)
    /// An older version of Daybook made the tables, and the configuration says not to change them.
    case olderSchema(schema: String, found: Int64, known: Int64)
    /// A newer version of Daybook made the tables.
    case newerSchema(schema: String, found: Int64, known: Int64)
    /// An inline read model could not take an event that the log holds already.
    case refused(schema: String, by: ReadModelName, reason: String)
    case storageFailed(address: String, reason: String)

    public var description: String {
        switch self {
        case .schemaName(let name):
            "'\(name)' cannot be the name of a schema: use 1 to 63 bytes that do not begin with 'pg_'."
        case .unreachable(let address, let reason):
            "No server takes a connection at \(address) (\(reason)): check the address, and that the server runs."
        case .readOnly(let address):
            "The server at \(address) refuses writes, as a standby does: name the primary, or all servers in one address."
        case .serverTooOld(let address, let version):
            "The server at \(address) has version \(version / 10_000).\(version % 10_000): use PostgreSQL 14 or later."
        case .encoding(let address, let found):
            "The database at \(address) has the encoding \(found): create one with ENCODING 'UTF8'."
        case .notDurable(let address, let setting, let value, let needed):
            "The server at \(address) has \(setting) = \(value), with which acknowledged events may be lost: set it to \(needed), "
                + "or ask for another durability in the configuration."
        case .missing(let address, let schema):
            "There is no store in schema '\(schema)' at \(address): check the names of the database and of the schema, or let an "
                + "application make the store."
        case .olderSchema(let schema, let found, let known):
            "The tables in schema '\(schema)' have version \(found), and this version of Daybook has \(known), beyond which older "
                + "programs cannot open them: use the application's Daybook, or let the application bring them there first."
        case .newerSchema(let schema, let found, let known):
            "The tables in schema '\(schema)' have version \(found); this version knows those up to \(known): use a newer Daybook."
        case .refused(let schema, let model, let reason):
            "The store in schema '\(schema)' cannot be opened with the inline read model '\(model)', which is behind the log and "
                + "cannot take an event of it: leave it out of the configuration or mend it, and open again. \(reason)"
        case .storageFailed(let address, let reason):
            "The store at \(address) cannot be opened (\(reason)): see to that, or to what the server's log says of it, and open "
                + "it again."
        }
    }
}
#endif
