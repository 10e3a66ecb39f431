#if Postgres
import DaybookCore

/// Connections for reads and for changes of derived state, each with a thread of its own.
final class ReaderPool: Sendable {
    typealias Job = @Sendable (PooledConnection) -> Void

    private let queue = JobQueue<Job>()

    init(_ address: ServerAddress, _ configuration: PostgresEventStore.Configuration, _ threads: Threads) {
        for number in 0..<max(configuration.readerCount, 1) {
            threads.start("daybook-reader-\(number)") { [queue] in
                let connection = PooledConnection(address, configuration)
                while let jobs = queue.take(atMost: 1) {
                    for job in jobs { job(connection) }
                }
            }
        }
    }

    /// - Returns: False when the pool is closed: the job will not run.
    func run(_ job: @escaping Job) -> Bool { queue.add(job) }

    /// Takes no more jobs; those that wait are still done.
    func close() { queue.close() }
}

/// A connection that is made when it is needed, and made anew when it breaks.
final class PooledConnection {
    private let address: ServerAddress
    private let configuration: PostgresEventStore.Configuration
    private var connection: Connection?

    init(_ address: ServerAddress, _ configuration: PostgresEventStore.Configuration) {
        self.address = address
        self.configuration = configuration
    }

    /// Runs a body, once more on another connection when the one at hand breaks, until the time for it is over. The body
    /// must have no effect that is not undone with its connection, or one that may be had twice.
    func run<Value>(_ body: (Connection) throws -> Value) throws -> Value {
        let deadline = ContinuousClock.now + configuration.reconnectTimeout
        var pause: UInt32 = 5_000
        while true {
            do {
                let connection = try connected()
                do { return try body(connection) } catch {
                    if connection.isInTransaction { _ = try? connection.run(Statement.rollBack.with()) }
                    throw error
                }
            } catch let failure as ServerFailure where failure.isWorthRetrying && ContinuousClock.now < deadline {
                if failure.isConnectionLost { connection = nil }
                Threads.sleep(microseconds: pause)
                pause = min(pause * 2, 500_000)
            }
        }
    }

    private func connected() throws(ServerFailure) -> Connection {
        if let connection, !connection.isLost { return connection }
        let new = try Connection(address)
        _ = try configuration.prepare(new)  // Reads need nothing that it promises; who changes something asks for it.
        connection = new
        return new
    }
}
#endif
