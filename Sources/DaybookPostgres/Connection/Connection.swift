#if Postgres
import CPostgres

/// A connection to the server, used by one thread at a time. Its calls block.
///
/// Always in libpq's pipeline mode: the commands of one ``run(_:)`` are sent together and cost one round trip, however many
/// they are. See https://www.postgresql.org/docs/current/libpq-pipeline-mode.html
///
/// A command is never cancelled with `PQcancel`: a commit that waits for a standby would then be reported as a success,
/// although the standby does not have it.
final class Connection {
    private let raw: OpaquePointer
    private var prepared: Set<String> = []
    private let notices = Notices()

    /// What the server said beside its results.
    private final class Notices {
        var lastWarning: String?
    }

    /// - Throws: When no server takes the connection.
    init(_ address: ServerAddress) throws(ServerFailure) {
        let parameters = address.parameters
        raw = Self.withCStrings(parameters.map(\.key)) { keys in
            Self.withCStrings(parameters.map(\.value)) { values in PQconnectdbParams(keys, values, 1) }
        }
        // Whoever throws from here on has it freed by the deinitializer.
        guard PQstatus(raw) == CONNECTION_OK else { throw .lost(Self.message(raw)) }
        let receive: PQnoticeReceiver = { notices, result in
            guard let notices, let severity = PQresultErrorField(result, Connection.severity),
                String(cString: severity) == "WARNING"
            else { return }
            Unmanaged<Notices>.fromOpaque(notices).takeUnretainedValue().lastWarning = String(
                cString: PQresultErrorMessage(result))
        }
        PQsetNoticeReceiver(raw, receive, Unmanaged.passUnretained(notices).toOpaque())
        guard PQenterPipelineMode(raw) == 1 else { throw .lost(Self.message(raw)) }
    }

    deinit { PQfinish(raw) }

    /// Fields of a message, as of the protocol: https://www.postgresql.org/docs/current/protocol-error-fields.html
    private static let severity = Int32(UInt8(ascii: "V"))
    private static let sqlState = Int32(UInt8(ascii: "C"))

    var socket: Int32 { PQsocket(raw) }
    var processID: Int32 { PQbackendPID(raw) }
    var serverVersion: Int32 { PQserverVersion(raw) }
    var host: String {
        "\(PQhost(raw).map { String(cString: $0) } ?? ""):\(PQport(raw).map { String(cString: $0) } ?? "")"
    }
    var isLost: Bool { PQstatus(raw) != CONNECTION_OK }

    /// Whether a transaction is open, be it one that has failed.
    var isInTransaction: Bool {
        let status = PQtransactionStatus(raw)
        return status == PQTRANS_INTRANS || status == PQTRANS_INERROR
    }

    /// The last warning since it was taken the last time.
    func takeWarning() -> String? {
        defer { notices.lastWarning = nil }
        return notices.lastWarning
    }

    @discardableResult
    func run(_ command: Command) throws(ServerFailure) -> Rows {
        try run([command])[0]
    }

    /// Runs commands, one after another, in one round trip. Outside of a `BEGIN` they are one transaction.
    ///
    /// - Returns: The rows of each.
    /// - Throws: The first failure; what comes after it was not run.
    @discardableResult
    func run(_ commands: [Command]) throws(ServerFailure) -> [Rows] {
        var rows: [Rows] = []
        rows.reserveCapacity(commands.count)
        try run(commands) { rows.append($0) }
        return rows
    }

    /// The same, and hands out the rows of each command while the server works on the next.
    func run(_ commands: [Command], _ take: (Rows) -> Void) throws(ServerFailure) {
        var steps: [Step] = []
        steps.reserveCapacity(commands.count)
        for command in commands {
            let statement = command.statement
            if !statement.name.isEmpty, !prepared.contains(statement.name) {
                guard PQsendPrepare(raw, statement.name, statement.sql, 0, nil) == 1 else { throw lost() }
                prepared.insert(statement.name)
                steps.append(.prepare(statement.name))
            }
            guard send(command) else { throw lost() }
            steps.append(.execute)
        }
        guard PQpipelineSync(raw) == 1 else { throw lost() }
        try takeResults(of: steps, take)
    }

    /// Runs commands, of which the last one commits.
    ///
    /// - Throws: Also when the server waits for its standby no longer: it has committed, and the standby may lack it.
    @discardableResult
    func commit(
        _ commands: [Command], _ durability: PostgresDurability.Requirement
    ) throws(ServerFailure) -> [Rows] {
        _ = takeWarning()
        let rows = try run(commands)
        if let warning = takeWarning() { throw .lost(warning) }
        try expectStandby(durability)
        return rows
    }

    /// Makes sure, behind a commit, that a standby was waited for where one is asked for: when somebody empties
    /// `synchronous_standby_names`, the server lets go without a warning whatever waits.
    ///
    /// It tells those that commit of the change before the process that lets them go, so that they know of it with their next
    /// command. See `SyncRepUpdateSyncStandbysDefined` in PostgreSQL's source, src/backend/replication/syncrep.c.
    func expectStandby(_ durability: PostgresDurability.Requirement) throws(ServerFailure) {
        guard durability == .everyCommitOnStandby else { return }
        let names: String
        do { names = try run(PostgresDurability.standbyNames.with()).text(0, 0) } catch {
            throw .lost(error.description)
        }
        if names.isEmpty { throw .lost(DurabilityShortfall.noStandby(server: host).description) }
    }

    private enum Step {
        case prepare(String)
        case execute
    }

    private func send(_ command: Command) -> Bool {
        let parameters = command.parameters
        let count = parameters.places.count
        return parameters.bytes.withUnsafeBufferPointer { bytes in
            var empty: CChar = 0
            return withUnsafePointer(to: &empty) { empty in
                let base = bytes.baseAddress.map { UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self) }
                let values = parameters.places.map { place -> UnsafePointer<CChar>? in
                    place.length < 0 ? nil : base.map { $0 + place.start } ?? empty
                }
                let lengths = parameters.places.map { Int32(max($0.length, 0)) }
                let formats = [Int32](repeating: 1, count: count)
                if command.statement.name.isEmpty {
                    return PQsendQueryParams(
                        raw, command.statement.sql, Int32(count), nil, values, lengths, formats, 1) == 1
                }
                return PQsendQueryPrepared(raw, command.statement.name, Int32(count), values, lengths, formats, 1) == 1
            }
        }
    }

    private func takeResults(of steps: [Step], _ take: (Rows) -> Void) throws(ServerFailure) {
        var failure: ServerFailure?
        for step in steps {
            guard let result = PQgetResult(raw) else { throw brokenOff(failure) }
            switch PQresultStatus(result) {
            case PGRES_COMMAND_OK, PGRES_TUPLES_OK:
                switch step {
                case .execute: take(Rows(result))
                case .prepare: PQclear(result)
                }
            case PGRES_PIPELINE_ABORTED:
                PQclear(result)
                if case .prepare(let name) = step { prepared.remove(name) }
            default:
                if case .prepare(let name) = step { prepared.remove(name) }
                failure = failure ?? Self.failure(result)
                PQclear(result)
            }
            if let next = PQgetResult(raw) {
                PQclear(next)
                throw brokenOff(failure)
            }
        }
        guard let sync = PQgetResult(raw) else { throw brokenOff(failure) }
        let isSync = PQresultStatus(sync) == PGRES_PIPELINE_SYNC
        PQclear(sync)
        guard isSync else { throw brokenOff(failure) }
        if let failure { throw failure }
    }

    /// What a result says that is an error. A server that gives up may have written what it could not sync, and what has
    /// no state comes from libpq, whatever the server did.
    private static func failure(_ result: OpaquePointer) -> ServerFailure {
        func field(_ code: Int32) -> String { PQresultErrorField(result, code).map { String(cString: $0) } ?? "" }
        let state = field(sqlState)
        let isLost =
            state.isEmpty || ["FATAL", "PANIC"].contains(field(severity)) || ServerFailure.givesUpConnection(state)
        return ServerFailure(
            sqlState: state, message: trimmed(PQresultErrorMessage(result)), isConnectionLost: isLost)
    }

    /// The failure of a round trip that did not come to its end: what the server did after it is not known.
    private func brokenOff(_ failure: ServerFailure?) -> ServerFailure {
        guard var failure else { return lost() }
        failure.isConnectionLost = true
        return failure
    }

    /// The notifications that have come, without waiting for any.
    ///
    /// - Returns: The channel's payloads, but for those that this connection has sent.
    func takeNotifications() throws(ServerFailure) -> [String] {
        guard PQconsumeInput(raw) == 1 else { throw lost() }
        var payloads: [String] = []
        while let notification = PQnotifies(raw) {
            if notification.pointee.be_pid != processID, let extra = notification.pointee.extra {
                payloads.append(String(cString: extra))
            }
            PQfreemem(notification)
        }
        return payloads
    }

    private func lost() -> ServerFailure { .lost(Self.message(raw)) }

    private static func message(_ raw: OpaquePointer?) -> String {
        let message = trimmed(PQerrorMessage(raw))
        return message.isEmpty ? "the connection to the server broke" : message
    }

    private static func trimmed(_ text: UnsafePointer<CChar>?) -> String {
        guard let text else { return "" }
        return String(cString: text).split(whereSeparator: \.isNewline).joined(separator: "; ")
    }

    /// Calls a body with a list of C strings that ends in a null pointer.
    private static func withCStrings<Value>(
        _ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Value
    ) -> Value {
        var bytes: [CChar] = []
        var starts: [Int] = []
        for string in strings {
            starts.append(bytes.count)
            bytes += string.utf8CString
        }
        return bytes.withUnsafeBufferPointer { bytes in
            let pointers = starts.map { bytes.baseAddress.map { base in base + 0 }?.advanced(by: $0) } + [nil]
            return pointers.withUnsafeBufferPointer { body($0.baseAddress.unsafelyUnwrapped) }
        }
    }
}
#endif
