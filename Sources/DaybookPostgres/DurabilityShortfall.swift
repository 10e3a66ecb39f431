#if Postgres
/// A server promises less than is asked for.
struct DurabilityShortfall: Error, CustomStringConvertible {
    /// `host:port`.
    var server: String
    var setting: String
    var value: String
    /// What would do.
    var needed: String

    static func synchronousCommit(_ value: PostgresDurability.SynchronousCommit, server: String) -> Self {
        Self(server: server, setting: "synchronous_commit", value: value.rawValue, needed: "on")
    }

    static func fsync(server: String) -> Self {
        Self(server: server, setting: "fsync", value: "off", needed: "on")
    }

    static func noStandby(server: String) -> Self {
        Self(
            server: server, setting: "synchronous_standby_names", value: "''", needed: "the name of a standby")
    }

    var description: String {
        "the server \(server) has \(setting) = \(value), with which acknowledged events may be lost: set it to "
            + needed
    }
}
#endif
