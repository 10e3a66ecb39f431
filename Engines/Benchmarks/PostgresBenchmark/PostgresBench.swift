import DaybookCore
import DaybookPostgres
import Foundation
import Synchronization

/// Measures the store beside plain SQL on the same server, in one run, and prints a table.
///
/// The plain SQL keeps what a log needs at the least: a gapless position under an advisory lock, and a unique version in the
/// stream. It is sent in one round trip. Rounds of both alternate; what is printed is the median of the rounds.
@main
struct PostgresBench {
    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst()
        guard let url = arguments.first else {
            print("usage: PostgresBench URL [SECONDS-PER-ROUND [ROUNDS [appends | reads]]]")
            exit(2)
        }
        let seconds = arguments.dropFirst().first.flatMap(Double.init) ?? 3
        let rounds = arguments.dropFirst(2).first.flatMap(Int.init) ?? 3
        let part = arguments.dropFirst(3).first
        try await PostgresBench(
            url: url, duration: .seconds(seconds), rounds: rounds, measuresAppends: part != "reads",
            measuresReads: part != "appends"
        ).run()
    }

    let url: String
    let duration: Duration
    let rounds: Int
    let measuresAppends: Bool
    let measuresReads: Bool
    private let payload = [UInt8](repeating: 0x61, count: 400)

    private func run() async throws {
        let admin = BareClient(url)
        for schema in ["bench_bare", "bench_store"] { admin.execute("DROP SCHEMA IF EXISTS \(schema) CASCADE") }
        admin.execute("CREATE SCHEMA bench_bare")
        admin.execute(
            """
            CREATE TABLE bench_bare.events (
                position bigint PRIMARY KEY, stream text COLLATE "C" NOT NULL, version bigint NOT NULL, id uuid NOT NULL,
                type text NOT NULL, recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(), data bytea NOT NULL,
                metadata bytea NOT NULL, UNIQUE (stream, version))
            """)
        var configuration = PostgresEventStore.Configuration()
        configuration.schema = "bench_store"
        let store = try await PostgresEventStore.open(url, configuration: configuration)
        print(
            "server \(store.durability.serverVersion), synchronous_commit \(store.durability.synchronousCommit.rawValue), "
                + "fsync \(store.durability.fsync)")

        if measuresAppends { try await measureAppends(store) }
        if measuresReads { try await measureReads(store, admin) }
        await store.close()
        for schema in ["bench_bare", "bench_store"] { admin.execute("DROP SCHEMA IF EXISTS \(schema) CASCADE") }
    }

    private func measureAppends(_ store: PostgresEventStore) async throws {
        for writers in [1, 32] {
            try await compare(
                "append, \(writers) writers", "events/s", bare: { bareAppends(writers) },
                store: { try await storeAppends(store, writers) })
        }
        var bareGroups: [Double] = []
        for _ in 0..<rounds { bareGroups.append(bareGroup()) }
        print("for information: bare insert of 32 rows, 1 connection: \(Self.text(Self.median(bareGroups))) events/s")
        let many = try await storeAppends(store, 128)
        print("append, 128 writers: store \(Self.text(many)) events/s")
        let tagged = try await storeAppends(store, 32, tags: true)
        print("append with two tags and a condition on them, 32 writers: store \(Self.text(tagged)) events/s")

    }

    private func measureReads(_ store: PostgresEventStore, _ admin: BareClient) async throws {
        try await fill(store)
        admin.execute("VACUUM ANALYZE bench_bare.events")
        admin.execute("VACUUM ANALYZE bench_store.events")
        try await compare(
            "read streams of 1,000 events", "events/s", bare: { bareStreams() },
            store: { try await storeStreams(store) })
        try await compare(
            "read the log by pages of 1,000", "events/s", bare: { bareLog("page") },
            store: { try await storeLog(store) })
        try await compare(
            "subscription, catching up", "events/s", bare: { bareLog("page") },
            store: { try await storeSubscription(store) })
        let whole = bareLog("whole")
        print("for information: bare SELECT of the whole log at once: \(Self.text(whole)) events/s")
        try await latency(store)
    }

    private func compare(
        _ what: String, _ unit: String, bare: () -> Double, store: () async throws -> Double
    ) async throws {
        var bares: [Double] = []
        var stores: [Double] = []
        for _ in 0..<rounds {
            bares.append(bare())
            stores.append(try await store())
        }
        let (bare, store) = (Self.median(bares), Self.median(stores))
        print(
            "\(what): bare \(Self.text(bare)), store \(Self.text(store)) \(unit), ratio "
                + String(format: "%.2f", store / bare))
    }

    private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
    private static func text(_ value: Double) -> String { String(Int(value.rounded())) }

    private func rate(_ count: Int, since start: ContinuousClock.Instant) -> Double {
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        return Double(count) / (Double(seconds) + Double(attoseconds) * 1e-18)
    }

    // MARK: - Plain SQL

    private func makeAppender() -> BareClient {
        let client = BareClient(url)
        client.execute("SET search_path = bench_bare")
        client.prepare("begin", "BEGIN")
        client.prepare("commit", "COMMIT")
        client.prepare("lock", "SELECT pg_advisory_xact_lock(1)")
        client.prepare(
            "insert",
            """
            INSERT INTO events (position, stream, version, id, type, data, metadata)
            SELECT coalesce(max(position), 0) + 1, $1::text, $2::bigint, $3::uuid, $4::text, $5::bytea, $6::bytea FROM events
            """)
        client.prepare(
            "insert_many",
            """
            INSERT INTO events (position, stream, version, id, type, data, metadata)
            SELECT (SELECT coalesce(max(position), 0) FROM events) + n, $1::text, $2::bigint + n, gen_random_uuid(), $3::text,
                $4::bytea, $5::bytea
            FROM generate_series(1, 32) n
            """)
        client.enterPipeline()
        return client
    }

    private func bareAppends(_ writers: Int) -> Double {
        let done = Mutex(0)
        let group = DispatchGroup()
        let start = ContinuousClock.now
        for _ in 0..<writers {
            group.enter()
            let (payload, duration) = (payload, duration)
            let client = Sent(makeAppender())
            Thread.detachNewThread {
                var count = 0
                let stream = Array("bare-\(EventID())".utf8)
                while ContinuousClock.now - start < duration {
                    let id = EventID()
                    client.value.pipeline([
                        ("begin", []), ("lock", []),
                        (
                            "insert",
                            [
                                stream, Int64(count).bigEndianBytes,
                                Int64(bitPattern: id.high).bigEndianBytes + Int64(bitPattern: id.low).bigEndianBytes,
                                Array("happened".utf8), payload, [],
                            ]
                        ), ("commit", []),
                    ])
                    count += 1
                }
                done.withLock { $0 += count }
                group.leave()
            }
        }
        group.wait()
        return rate(done.withLock { $0 }, since: start)
    }

    private func bareGroup() -> Double {
        let client = makeAppender()
        let stream = Array("bare-\(EventID())".utf8)
        let start = ContinuousClock.now
        var count = 0
        while ContinuousClock.now - start < duration {
            client.pipeline([
                ("begin", []), ("lock", []),
                ("insert_many", [stream, Int64(count).bigEndianBytes, Array("happened".utf8), payload, []]),
                ("commit", []),
            ])
            count += 32
        }
        return rate(count, since: start)
    }

    private func makeReader() -> BareClient {
        let client = BareClient(url)
        client.execute("SET search_path = bench_bare")
        let columns = "position, stream, version, id, type, recorded_at, data, metadata"
        client.prepare("stream", "SELECT \(columns) FROM events WHERE stream = $1::text ORDER BY version")
        client.prepare(
            "page", "SELECT \(columns) FROM events WHERE position > $1::bigint ORDER BY position LIMIT 1000")
        client.prepare("whole", "SELECT \(columns) FROM events WHERE position > $1::bigint ORDER BY position")
        return client
    }

    private func bareStreams() -> Double {
        let client = makeReader()
        let start = ContinuousClock.now
        var count = 0
        for number in 0..<Self.streams { count += client.query("stream", [Array("read-\(number)".utf8)]).rows }
        precondition(count == Self.streams * 1000)
        return rate(count, since: start)
    }

    private func bareLog(_ statement: String) -> Double {
        let client = makeReader()
        let start = ContinuousClock.now
        var count = 0
        var last: Int64 = 0
        while true {
            let (rows, _, position) = client.query(statement, [last.bigEndianBytes])
            if rows == 0 { break }
            count += rows
            last = position
        }
        return rate(count, since: start)
    }

    // MARK: - The store

    private func storeAppends(_ store: PostgresEventStore, _ writers: Int, tags: Bool = false) async throws -> Double {
        let start = ContinuousClock.now
        let count = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<writers {
                group.addTask { [payload, duration] in
                    var count = 0
                    let stream = StreamName(unchecked: "store-\(EventID())")
                    let owner = Tag(unchecked: "owner:\(stream)")
                    var last = Position.start
                    while ContinuousClock.now - start < duration {
                        let event = NewEvent(
                            type: "happened", data: payload,
                            tags: tags ? [owner, Tag(unchecked: "day:\(count % 7)")] : [])
                        let condition =
                            tags ? AppendCondition(failIfEventsMatch: EventQuery(tags: [owner]), after: last) : nil
                        last = try await store.append(
                            [event], to: stream,
                            expecting: count == 0 ? .noStream : .version(StreamVersion(Int64(count - 1))),
                            condition: condition
                        ).position
                        count += 1
                    }
                    return count
                }
            }
            return try await group.reduce(0, +)
        }
        return rate(count, since: start)
    }

    private static let streams = 100

    /// The same events in both logs, and nothing else.
    private func fill(_ store: PostgresEventStore) async throws {
        let admin = BareClient(url)
        admin.execute("TRUNCATE bench_bare.events")
        admin.execute("TRUNCATE bench_store.events, bench_store.event_tags")
        for number in 0..<Self.streams {
            let events = (0..<1000).map { _ in NewEvent(type: "happened", data: payload) }
            try await store.append(events, to: StreamName(unchecked: "read-\(number)"))
        }
        admin.execute(
            """
            INSERT INTO bench_bare.events (position, stream, version, id, type, data, metadata)
            SELECT position, stream, version, id, type, data, metadata FROM bench_store.events
            """)
    }

    private func storeStreams(_ store: PostgresEventStore) async throws -> Double {
        let start = ContinuousClock.now
        var count = 0
        for number in 0..<Self.streams {
            count += try await store.readPage(
                of: StreamName(unchecked: "read-\(number)"), from: .start, direction: .forward, limit: 1000
            ).events.count
        }
        precondition(count == Self.streams * 1000)
        return rate(count, since: start)
    }

    private func storeLog(_ store: PostgresEventStore) async throws -> Double {
        let start = ContinuousClock.now
        var count = 0
        var position = Position.start
        while true {
            let page = try await store.readPage(from: .after(position), direction: .forward, filter: .all, limit: 1000)
            count += page.events.count
            position = page.scannedThrough
            if page.isAtEnd { break }
        }
        precondition(count == Self.streams * 1000)
        return rate(count, since: start)
    }

    private func storeSubscription(_ store: PostgresEventStore) async throws -> Double {
        let start = ContinuousClock.now
        var count = 0
        for try await item in store.subscribe(pageSize: 1000) {
            if case .event = item { count += 1 }
            if case .caughtUp = item { break }
        }
        precondition(count == Self.streams * 1000)
        return rate(count, since: start)
    }

    /// From before an append to its event's arrival at a subscriber of the same store, at 500 events/s.
    private func latency(_ store: PostgresEventStore) async throws {
        let sent = Mutex<[EventID: ContinuousClock.Instant]>([:])
        let head = try await store.head()
        let count = 1000
        async let received: [Duration] = {
            var durations: [Duration] = []
            for try await item in store.subscribe(after: head) {
                guard case .event(let event) = item else { continue }
                if let start = sent.withLock({ $0[event.id] }) { durations.append(ContinuousClock.now - start) }
                if durations.count == count { break }
            }
            return durations
        }()
        for _ in 0..<count {
            let event = NewEvent(type: "happened", data: payload)
            sent.withLock { $0[event.id] = .now }
            try await store.append([event], to: "latency-1")
            try await Task.sleep(for: .milliseconds(1))
        }
        let durations = try await received.sorted()
        print(
            "append to delivered at a live subscriber: p50 \(durations[count / 2]), p99 \(durations[count * 99 / 100])")
    }
}

/// Hands a client over to the one thread that uses it.
private struct Sent<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
}
