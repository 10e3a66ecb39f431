import CPostgres

/// libpq as plainly as it can be used: what the store is measured against. A failure ends the program.
final class BareClient {
    private let connection: OpaquePointer
    private var prepared: Set<String> = []

    init(_ url: String) {
        guard let connection = PQconnectdb(url), PQstatus(connection) == CONNECTION_OK else {
            fatalError("No connection to \(url): start a server with scripts/engines/postgres.")
        }
        self.connection = connection
    }

    deinit { PQfinish(connection) }

    func execute(_ sql: String) {
        let result = PQexec(connection, sql)
        defer { PQclear(result) }
        guard [PGRES_COMMAND_OK, PGRES_TUPLES_OK].contains(PQresultStatus(result)) else {
            fatalError("\(sql): \(String(cString: PQerrorMessage(connection)))")
        }
    }

    func prepare(_ name: String, _ sql: String) {
        let result = PQprepare(connection, name, sql, 0, nil)
        defer { PQclear(result) }
        guard PQresultStatus(result) == PGRES_COMMAND_OK else {
            fatalError("\(sql): \(String(cString: PQerrorMessage(connection)))")
        }
    }

    func enterPipeline() { precondition(PQenterPipelineMode(connection) == 1) }

    /// Sends prepared statements, with parameters in binary form, in one round trip.
    func pipeline(_ commands: [(name: String, values: [[UInt8]])]) {
        for (name, values) in commands {
            guard Self.send(values, { PQsendQueryPrepared(connection, name, $0, $1, $2, $3, 1) }) == 1 else {
                fatalError(String(cString: PQerrorMessage(connection)))
            }
        }
        precondition(PQpipelineSync(connection) == 1)
        for _ in commands {
            let result = PQgetResult(connection)
            guard [PGRES_COMMAND_OK, PGRES_TUPLES_OK].contains(PQresultStatus(result)) else {
                fatalError(String(cString: PQresultErrorMessage(result)))
            }
            PQclear(result)
            precondition(PQgetResult(connection) == nil)
        }
        PQclear(PQgetResult(connection))
    }

    /// Runs a prepared query, and touches every value of its rows.
    ///
    /// - Returns: The rows, their bytes, and the first column of the last one, a `bigint`.
    func query(_ name: String, _ values: [[UInt8]]) -> (rows: Int, bytes: Int, last: Int64) {
        guard let result = Self.send(values, { PQexecPrepared(connection, name, $0, $1, $2, $3, 1) }) else {
            fatalError("out of memory")
        }
        defer { PQclear(result) }
        guard PQresultStatus(result) == PGRES_TUPLES_OK else {
            fatalError(String(cString: PQresultErrorMessage(result)))
        }
        let (rows, columns) = (PQntuples(result), PQnfields(result))
        var bytes = 0
        for row in 0..<rows {
            for column in 0..<columns where PQgetvalue(result, row, column) != nil {
                bytes += Int(PQgetlength(result, row, column))
            }
        }
        guard rows > 0 else { return (0, 0, 0) }
        let last = UnsafeRawPointer(PQgetvalue(result, rows - 1, 0)).loadUnaligned(as: Int64.self)
        return (Int(rows), bytes, Int64(bigEndian: last))
    }

    private static func send<Value>(
        _ values: [[UInt8]],
        _ body: (Int32, UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?) -> Value
    ) -> Value {
        let joined = Array(values.joined()) + [0]
        return joined.withUnsafeBytes { bytes in
            var offset = 0
            let pointers = values.map { value -> UnsafePointer<CChar>? in
                defer { offset += value.count }
                return bytes.baseAddress.map { ($0 + offset).assumingMemoryBound(to: CChar.self) }
            }
            return body(
                Int32(values.count), pointers, values.map { Int32($0.count) },
                [Int32](repeating: 1, count: values.count))
        }
    }
}

extension Int64 {
    var bigEndianBytes: [UInt8] { withUnsafeBytes(of: bigEndian) { Array($0) } }
}
