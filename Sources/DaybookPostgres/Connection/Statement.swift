#if Postgres
/// SQL with a name, under which a connection prepares it once. Without a name it is parsed each time.
struct Statement: Sendable {
    let name: String
    let sql: String

    init(_ name: String, _ sql: String) {
        self.name = name
        self.sql = sql
    }

    /// SQL that is put together for one use.
    init(once sql: String) {
        name = ""
        self.sql = sql
    }

    static let begin = Statement("begin", "BEGIN")
    static let commit = Statement("commit", "COMMIT")
    static let rollBack = Statement("roll_back", "ROLLBACK")

    func with(_ parameters: Parameters = Parameters()) -> Command { Command(statement: self, parameters: parameters) }

    func with(_ build: (inout Parameters) -> Void) -> Command {
        var parameters = Parameters()
        build(&parameters)
        return Command(statement: self, parameters: parameters)
    }
}

/// A statement with its parameters.
struct Command {
    var statement: Statement
    var parameters: Parameters
}
#endif
