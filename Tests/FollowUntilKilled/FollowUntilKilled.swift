import CFaultFileSystem
import DaybookCore
import DaybookGRDB
import DaybookSQLite
import GRDB

/// Brings a ledger up to the end of a log, and dies by `SIGKILL` at a call to the file system that it is told.
///
/// `FollowUntilKilled LOG MODEL pool|queue write|sync|truncate|delete NUMBER`. With number 0 it is not killed. Exit code
/// 0: all is applied.
@main
struct FollowUntilKilled {
    struct Misuse: Error {}

    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 6, let number = UInt64(arguments[5]) else { throw Misuse() }
        let calls: [String: FaultCall] = ["write": .write, "sync": .sync, "truncate": .truncate, "delete": .delete]
        guard let call = calls[arguments[4]], let disk = fault_fs_create("kill") else { throw Misuse() }
        if number > 0 {
            var rule = FaultRule(
                call: call, suffix: nil, first: number, count: 1, effect: .kill, result: 0, length: 0, offset: 0, bit: 0
            )
            guard fault_fs_add_rule(disk, &rule) >= 0 else { throw Misuse() }
        }
        let database = try Self.open("file:\(arguments[2])?vfs=kill", arguments[3])
        guard fault_fs_open_files(disk) > 0 else { throw Misuse() }
        let store = try await SQLiteEventStore.open(arguments[1])
        try await SQLProjectionRunner(Ledger(), of: store, in: database, batchSize: 7).catchUp()
        await store.close()
        try database.close()
    }

    /// Opens a database as a pool (WAL) or a queue (rollback journal), with so small a WAL that it is often copied back.
    static func open(_ path: String, _ kind: String) throws -> any DatabaseWriter {
        var configuration = Configuration()
        configuration.prepareDatabase { db in try db.execute(sql: "PRAGMA wal_autocheckpoint = 8") }
        return switch kind {
        case "pool": try DatabasePool(path: path, configuration: configuration)
        case "queue": try DatabaseQueue(path: path, configuration: configuration)
        default: throw Misuse()
        }
    }
}
