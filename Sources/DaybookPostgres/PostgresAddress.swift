#if Postgres
/// Where a store on PostgreSQL is, as one text for a command line: what libpq takes.
///
/// Behind `postgres://` or `postgresql://`, the options may name a schema, by letters, digits and `_`:
/// `postgres://shop@db1,db2/shop?schema=orders`.
package struct PostgresAddress: Sendable, CustomStringConvertible {
    /// As ``PostgresEventStore/open(_:configuration:)`` takes it.
    package let connectionString: String
    package var configuration = PostgresEventStore.Configuration()

    package init(_ text: String) {
        let parts = text.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard text.hasPrefix("postgres://") || text.hasPrefix("postgresql://"), parts.count == 2 else {
            connectionString = text
            return
        }
        var options: [Substring] = []
        for option in parts[1].split(separator: "&") {
            // libpq refuses an option that it does not know.
            if option.hasPrefix("schema=") {
                configuration.schema = String(option.dropFirst("schema=".count))
            } else {
                options.append(option)
            }
        }
        connectionString = options.isEmpty ? String(parts[0]) : "\(parts[0])?\(options.joined(separator: "&"))"
    }

    /// The hosts, the database, the user and the schema, without what nobody is to read in a log.
    package var description: String {
        let schema = configuration.schema
        return "postgres:\(ServerAddress(connectionString: connectionString, use: "").shown)"
            + (schema == PostgresEventStore.Configuration().schema ? "" : " schema=\(schema)")
    }
}
#endif
