#if Postgres
/// What a server has done when it acknowledges an append, as it said itself when the store last connected.
public struct PostgresDurability: Sendable, Hashable {
    /// What is asked of a server. A store is not opened on one that promises less, nor goes on with one after a fail-over.
    public enum Requirement: String, Sendable, CaseIterable {
        /// Every append is synced to the server's disk before it is acknowledged, and by its synchronous standbys when it has
        /// any: `synchronous_commit` is `on` or `remote_apply`, `fsync` and `full_page_writes` are `on`.
        case everyCommit
        /// The same, and `synchronous_standby_names` is not empty: what was acknowledged outlives the loss of a server.
        case everyCommitOnStandby
        /// Whatever the server's settings are. **When a server or its machine fails, appends that were acknowledged may be
        /// gone**, and with `fsync = off` the whole database may be damaged. For tests and data that can be made again.
        case mayLoseLatestOnFailure
    }

    /// `synchronous_commit`, from the weakest.
    public enum SynchronousCommit: String, Sendable, CaseIterable, Comparable {
        /// Acknowledged before it is written to a disk.
        case off
        /// Synced on the primary alone.
        case local
        /// Synced on the primary; the standby's system has it in memory.
        case remoteWrite = "remote_write"
        /// Synced on the primary and on the synchronous standby.
        case on
        /// And visible to readers on the standby.
        case remoteApply = "remote_apply"

        public static func < (left: Self, right: Self) -> Bool {
            let all = Self.allCases
            return all.firstIndex(of: left) ?? 0 < all.firstIndex(of: right) ?? 0
        }
    }

    /// The server: `host:port`.
    public var server: String
    /// As `server_version_num` has it: 150018 for 15.18.
    public var serverVersion: Int
    public var synchronousCommit: SynchronousCommit
    public var fsync: Bool
    public var fullPageWrites: Bool
    /// `synchronous_standby_names`; empty when there is no synchronous standby.
    public var synchronousStandbyNames: String
    /// Whether the server notices a page that its disk has damaged.
    public var dataChecksums: Bool

    /// The first setting that falls short of what is asked.
    func shortfall(from requirement: Requirement) -> DurabilityShortfall? {
        guard requirement != .mayLoseLatestOnFailure else { return nil }
        if synchronousCommit < .on { return .synchronousCommit(synchronousCommit, server: server) }
        if !fsync { return .fsync(server: server) }
        if !fullPageWrites {
            return DurabilityShortfall(server: server, setting: "full_page_writes", value: "off", needed: "on")
        }
        if requirement == .everyCommitOnStandby, synchronousStandbyNames.isEmpty { return .noStandby(server: server) }
        return nil
    }

    /// - Throws: When it falls short of what is asked for.
    func check(_ requirement: Requirement) throws(DurabilityShortfall) {
        if let shortfall = shortfall(from: requirement) { throw shortfall }
    }
}

extension PostgresDurability {
    static let settings = Statement(
        "settings",
        """
        SELECT current_setting('server_version_num')::bigint, current_setting('server_encoding'),
            pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean, current_setting('synchronous_commit'),
            current_setting('fsync')::boolean, current_setting('full_page_writes')::boolean,
            current_setting('synchronous_standby_names'), current_setting('data_checksums')::boolean
        """)

    static let standbyNames = Statement("standby_names", "SELECT current_setting('synchronous_standby_names')")

    /// Reads what the server says of itself.
    init(_ rows: Rows, server: String) {
        self.init(
            server: server, serverVersion: Int(rows.integer(0, 0)),
            synchronousCommit: SynchronousCommit(rawValue: rows.text(0, 3)) ?? .off, fsync: rows.boolean(0, 4),
            fullPageWrites: rows.boolean(0, 5), synchronousStandbyNames: rows.text(0, 6),
            dataChecksums: rows.boolean(0, 7))
    }
}
#endif
