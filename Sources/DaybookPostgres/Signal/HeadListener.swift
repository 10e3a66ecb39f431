#if Postgres
import DaybookCore
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Tells other processes that the log has grown, and hears it from them, on a connection and a thread of its own.
///
/// A notification takes a lock of the whole server at its commit, so that it is not part of an append's transaction. It is
/// only a hint: as long as somebody waits, the head is also asked for now and then, so that a lost one costs that time.
final class HeadListener: Sendable {
    private let address: ServerAddress
    private let configuration: PostgresEventStore.Configuration
    private let signal: HeadSignal
    private let announced = Atomic<Int64>(0)
    private let isStopped = Atomic(false)
    /// Whether the thread was woken, and will look at ``announced`` before it sleeps for long.
    private let isWoken = Atomic(false)
    /// A pipe: what is written to its second end wakes the thread.
    private let wake: (read: Int32, write: Int32)

    /// - Throws: ``ServerFailure``, when the process may open no more files.
    init(
        _ address: ServerAddress, _ configuration: PostgresEventStore.Configuration, _ signal: HeadSignal
    ) throws(ServerFailure) {
        self.address = address
        self.configuration = configuration
        self.signal = signal
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw .lost("No pipe could be made: \(String(cString: strerror(errno))). Raise the limit of open files.")
        }
        for end in ends { _ = fcntl(end, F_SETFL, fcntl(end, F_GETFL) | O_NONBLOCK) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        wake = (ends[0], ends[1])
    }

    deinit {
        close(wake.read)
        close(wake.write)
    }

    /// Has the other processes told, soon.
    func announce(_ head: Int64) {
        let before = announced.exchange(head, ordering: .sequentiallyConsistent)
        if before != head, !isWoken.exchange(true, ordering: .sequentiallyConsistent) { wakeThread() }
    }

    func stop() {
        isStopped.store(true, ordering: .releasing)
        wakeThread()
    }

    private func wakeThread() {
        var byte: UInt8 = 1
        _ = write(wake.write, &byte, 1)  // A full pipe wakes it, too.
    }

    /// Listens until it is stopped.
    func run() {
        var connection: Connection?
        var told: Int64 = 0
        var nextTelling = ContinuousClock.now
        var nextPoll = ContinuousClock.now
        var nextConnect = ContinuousClock.now
        var nextCount = ContinuousClock.now
        var hasOthers = true
        while !isStopped.load(ordering: .acquiring) {
            do {
                if connection == nil, ContinuousClock.now >= nextConnect {
                    nextConnect = ContinuousClock.now + .milliseconds(200)
                    connection = try connect()
                    nextPoll = ContinuousClock.now
                }
                if let connection {
                    for payload in try connection.takeNotifications() {
                        if let head = Int64(payload) { signal.publish(head) }
                    }
                    if ContinuousClock.now >= nextTelling {
                        isWoken.store(false, ordering: .sequentiallyConsistent)
                        let head = announced.load(ordering: .sequentiallyConsistent)
                        if head != told {
                            told = head
                            isWoken.store(true, ordering: .sequentiallyConsistent)
                            nextTelling = ContinuousClock.now + Self.betweenTellings
                            if ContinuousClock.now >= nextCount {
                                nextCount = ContinuousClock.now + .seconds(1)
                                hasOthers = try connection.run(Self.others.with()).boolean(0, 0)
                            }
                            if hasOthers {
                                _ = try connection.run(
                                    Self.notify.with {
                                        $0.add(Schema.channel(of: configuration.schema))
                                        $0.add(String(head))
                                    })
                            }
                        }
                    }
                    if signal.isAwaited, ContinuousClock.now >= nextPoll {
                        nextPoll = ContinuousClock.now + configuration.pollInterval
                        signal.publish(try connection.run(Self.head.with()).integer(0, 0))
                    }
                }
            } catch {
                connection = nil
                told = 0
            }
            let isToTell = connection != nil && isWoken.load(ordering: .sequentiallyConsistent)
            wait(connection?.socket, isToTell ? nextTelling - ContinuousClock.now : configuration.pollInterval)
        }
    }

    static let head = Statement("head", "SELECT coalesce(max(position), 0) FROM events")
    private static let notify = Statement("notify", "SELECT pg_notify($1::text, $2::text)")
    private static let others = Statement("others", "SELECT count(*) > 1 FROM writers")
    private static let betweenTellings = Duration.milliseconds(5)
    private static let longestWait = Duration.seconds(3600)

    private func connect() throws -> Connection {
        let connection = try Connection(address)
        _ = try configuration.prepare(connection)
        // A notification that a failing server loses is made up for by asking.
        _ = try connection.run(Statement(once: "SET synchronous_commit = off").with())
        _ = try connection.run(
            Statement(once: "LISTEN \(Schema.quoted(Schema.channel(of: configuration.schema)))").with())
        return connection
    }

    private func wait(_ socket: Int32?, _ duration: Duration) {
        let (seconds, attoseconds) = min(duration, Self.longestWait).components
        let milliseconds = max(1, Int32(seconds * 1000 + attoseconds / 1_000_000_000_000_000))
        var descriptors = [pollfd(fd: wake.read, events: Int16(POLLIN), revents: 0)]
        if let socket, socket >= 0 { descriptors.append(pollfd(fd: socket, events: Int16(POLLIN), revents: 0)) }
        guard poll(&descriptors, nfds_t(descriptors.count), milliseconds) > 0 else { return }
        var bytes = [UInt8](repeating: 0, count: 64)
        while read(wake.read, &bytes, bytes.count) == bytes.count {}
    }
}
#endif
