import ArgumentParser
import Daybook
import DaybookCore
import DaybookGRDB
import DaybookSQLite
import Foundation
import GRDB

/// Measures the model over the embedded store: how fast commands are carried out, and how fast read models and processes
/// follow the log.
@main
struct ModelBenchmarks: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        discussion: """
            Each part begins with a log of its own, and ends with the most memory that it took.

            EXAMPLES
              swift run -c release --package-path Benchmarks ModelBenchmarks
              swift run -c release --package-path Benchmarks ModelBenchmarks documents --keys 1000000 --tasks 2
              swift run -c release --package-path Benchmarks ModelBenchmarks --events 300000 processes
            """)

    enum Part: String, CaseIterable, ExpressibleByArgument {
        case codec, replay, documents, sql
        case sqlPast = "sql-past"
        case past, rebuild, processes, publish, commands, snapshots
    }

    @Argument(help: "What to measure; everything when none is named.") var parts: [Part] = []
    @Option(help: "The events of the log.") var events = 1_000_000
    @Option(help: "The accounts that they belong to, each a document, a row or a process.") var keys = 10_000
    @Option(help: "The tasks that fold documents.") var tasks = 1
    @Option(help: "The events of a batch of documents or rows.") var batch = 100_000

    func run() async throws {
        for part in parts.isEmpty ? Part.allCases : parts {
            Self.forgetPeakMemory()
            let store = try await SQLiteEventStore.temporary()
            switch part {
            case .codec: try await Self.codec(store, count: events)
            case .commands: try await Self.commands(store, count: events)
            case .snapshots: try await Self.snapshots(store, count: events)
            default:
                try await Self.measure("append events of \(keys) accounts, 1 000 at once", events) {
                    try await Self.fill(store, count: events, accounts: keys)
                }
                switch part {
                case .replay: try await replay(store)
                case .documents: try await documents(store)
                case .sql: try await rows(store)
                case .sqlPast: try await pastRows(store)
                case .past: try await Self.pastDocuments(store, accounts: keys)
                case .rebuild: try await rebuild(store)
                case .publish: try await publish(store)
                default: try await Self.processes(store, count: events)
                }
            }
            await store.close()
            print("\(part.rawValue): peak memory \(Self.peakMemory()) MiB")
        }
    }

    /// Encoding and decoding alone, of events with two values and with nine, by tasks that each have events of their own.
    private static func codec(_ store: SQLiteEventStore, count: Int) async throws {
        try await codec(store, AccountEvent.deposited(account: "a7919", amount: 42), "two values", count)
        try await codec(
            store,
            WideEvent.placed(
                order: "o-1", account: "a7919", symbol: "ACME", isBuy: true, quantity: 100, price: 12.5, limit: 13,
                currency: "EUR", venue: "X"),
            "nine values", count)
    }

    private static func codec<Event: DomainEvent>(
        _ store: SQLiteEventStore, _ event: Event, _ name: String, _ count: Int
    ) async throws {
        let (codec, page) = (JSONEventCodec<Event>(), 1_000)
        let stream = StreamName(unchecked: "codec-\(Event.typePrefix)")
        let encoded = try codec.encode(event)
        _ = try await store.append((0..<page).map { _ in NewEvent(encoded, tags: []) }, to: stream)
        for tasks in [1, 2] {
            let rounds = max(1, count / page)
            try await measure("encode events of \(name), \(tasks) tasks", tasks * rounds * page) {
                try await concurrently(tasks) { _ in
                    for _ in 0..<(rounds * page) { _ = try codec.encode(event) }
                }
            }
            try await measure("decode events of \(name), \(tasks) tasks", tasks * rounds * page) {
                try await concurrently(tasks) { _ in
                    let read = try await store.readPage(of: stream, from: .start, direction: .forward, limit: page)
                    try read.events.withUnsafeBufferPointer { events in
                        for index in 0..<(rounds * page) { try codec.decode(events[index % page]) { _ in } }
                    }
                }
            }
        }
    }

    /// The whole log in its order, decoded and folded by one task: event by event, and by pages of which the next is read
    /// while one is folded.
    private func replay(_ store: SQLiteEventStore) async throws {
        let codec = JSONEventCodec<AccountEvent>()
        try await Self.measure("the whole log, decoded and folded by one task, event by event", events) {
            var cash = CashAccount.initialState
            var count = 0
            for try await recorded in store.events() {
                try codec.decode(recorded) { CashAccount.evolve(&cash, with: $0) }
                count += 1
            }
            precondition(count == events)
        }
        try await Self.measure("the whole log, decoded and folded by one task, by pages", events) {
            var cash = CashAccount.initialState
            var count = 0
            var page = try await store.readPage(from: .start, direction: .forward, filter: .all, limit: 1_000)
            while true {
                let (cursor, isAtEnd) = (LogCursor.position(page.scannedThrough.next), page.isAtEnd)
                async let next =
                    isAtEnd
                    ? nil : store.readPage(from: cursor, direction: .forward, filter: .all, limit: 1_000)
                try page.events.withUnsafeBufferPointer { events in
                    for index in events.indices {
                        try codec.decode(events[index]) { CashAccount.evolve(&cash, with: $0) }
                    }
                }
                count += page.events.count
                guard let read = try await next else { break }
                page = read
            }
            precondition(count == events)
        }
    }

    private func documents(_ store: SQLiteEventStore) async throws {
        try await Self.measure("projection, \(keys) documents, batches of \(batch), \(tasks) tasks", events) {
            _ = try await ProjectionRunner(
                Balances(), of: store, in: store, batchSize: batch, parallelism: tasks
            ).catchUp()
        }
    }

    private func rows(_ store: SQLiteEventStore) async throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("rows-\(EventID()).sqlite").path
        let database = try DatabasePool(path: path)
        defer { for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) } }
        try await Self.measure("SQL projection, \(keys) rows, batches of \(batch)", events) {
            try await SQLProjectionRunner(BalanceRows(), of: store, in: database, batchSize: batch).catchUp()
        }
        try database.close()
    }

    /// Rows as of the past, from snapshots that are kept every tenth of the log; lineage; and a rebuild's comparison.
    private func pastRows(_ store: SQLiteEventStore) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("rows-\(EventID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let history = SQLProjectionHistory(BalanceRows(), of: store).keepingSnapshots(in: folder)
        let head = try await store.head().rawValue
        @Sendable func ask(_ position: Int64) async throws {
            _ = try await history.read(asOf: .position(Position(position))) { db in
                try Int.fetchOne(db, sql: "SELECT sum(amount) FROM balances")
            }
        }
        try await Self.measure("rows as of the middle, without snapshots", events / 2) { try await ask(head / 2) }
        try await Self.measure("keep 10 snapshots on the way", events) {
            try await history.keepSnapshots(every: head / 10)
        }
        let sizes = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: [.fileSizeKey])
            .compactMap { try $0.resourceValues(forKeys: [.fileSizeKey]).fileSize }
        print("size of a snapshot: \((sizes.max() ?? 0) / 1024) KiB")
        try await Self.measure("rows as of a snapshot", 100) { for _ in 0..<100 { try await ask(head / 2) } }
        try await Self.measure("rows as of 1 000 events after a snapshot", 100) {
            for _ in 0..<100 { try await ask(head / 2 + 1_000) }
        }
        try await Self.measure("lineage of one row over the whole log", events) {
            _ = try await history.lineage { db in
                try Int.fetchOne(db, sql: "SELECT amount FROM balances WHERE account = 'a1'")
            }
        }
        let database = try DatabasePool(path: folder.appendingPathComponent("live.sqlite").path)
        try await SQLProjectionRunner(BalanceRows(), of: store, in: database, batchSize: batch).catchUp()
        for (count, amount) in [(0, "amount"), (2, "iif(account IN ('a1', 'a2'), 0, amount) AS amount")] {
            let view = SQLVersionedView(
                "current", key: ["account"], old: "SELECT account, amount FROM balances",
                new: "SELECT account, \(amount) FROM balances_2")
            let rebuild = try await SQLProjectionRebuild(
                of: [view], from: BalanceRows(), to: BalanceRows(version: 2), log: store, in: database)
            try await rebuild.build()
            try await Self.measure("comparison of all rows, with \(count) differences explained", keys) {
                let comparison = try await rebuild.compare()
                precondition(comparison.differenceCount == count)
            }
        }
        try database.close()
    }

    /// Commands on cached states beside bare appends of the same events.
    private static func commands(_ store: SQLiteEventStore, count: Int) async throws {
        let accounts = CommandHandler(CashAccount.self, in: store, category: "cash")
        let codec = JSONEventCodec<AccountEvent>()
        for tasks in [1, 32, 128] {
            let each = max(1, min(count, tasks == 1 ? 20_000 : 200_000) / tasks)
            for round in 0..<3 {
                // The states are in memory, and the streams have a name, before either is measured.
                try await concurrently(tasks) { task in
                    try await accounts.handle(.deposit(0), id: "\(round)-\(tasks)-\(task)")
                    let event = NewEvent(type: "account.opened", data: [])
                    try await store.append([event], to: StreamName(unchecked: "bare_\(round)-\(tasks)-\(task)"))
                }
                try await measure("bare appends, \(tasks) tasks", each * tasks) {
                    try await concurrently(tasks) { task in
                        for number in 0..<each {
                            let event = AccountEvent.deposited(account: "\(task)", amount: number % 100)
                            let new = NewEvent(try codec.encode(event), tags: event.tags)
                            try await store.append([new], to: StreamName(unchecked: "bare_\(round)-\(tasks)-\(task)"))
                        }
                    }
                }
                try await measure("commands on cached states, \(tasks) tasks", each * tasks) {
                    try await concurrently(tasks) { task in
                        for number in 0..<each {
                            try await accounts.handle(.deposit(number % 100), id: "\(round)-\(tasks)-\(task)")
                        }
                    }
                }
            }
        }
    }

    /// Streams of several lengths, loaded from a snapshot and without.
    private static func snapshots(_ store: SQLiteEventStore, count: Int) async throws {
        let codec = JSONEventCodec<AccountEvent>()
        let event = AccountEvent.deposited(account: "long", amount: 1)
        let encoded = try codec.encode(event)
        @Sendable func accounts() -> CommandHandler<CashAccount> {
            CommandHandler(
                CashAccount.self, in: store, category: "cash", snapshots: .every(500), keptIn: store, cache: .none)
        }
        let loads = min(count, 2_000)
        for length in [1_000, 10_000, 100_000].filter({ $0 < count }) + [count] {
            let id = "long\(length)"
            for start in stride(from: 0, to: length, by: 10_000) {
                let new = (start..<min(start + 10_000, length)).map { _ in NewEvent(encoded, tags: event.tags) }
                try await store.append(new, to: StreamName(category: "cash", id: id))
            }
            try await measure("load of a stream of \(length) events without a snapshot, in events", length) {
                _ = try await accounts().state(of: id)
            }
            let first = accounts()
            try await first.handle(.deposit(1), id: id)
            await first.finishSnapshots()
            for _ in 0..<50 { try await first.handle(.deposit(1), id: id) }
            try await measure("loads of that stream from a snapshot 50 events before its end", loads) {
                let handler = accounts()
                for _ in 0..<loads { _ = try await handler.state(of: id) }
            }
            try await measure("the same by 4 tasks at once", loads * 2) {
                try await concurrently(4) { _ in
                    let handler = accounts()
                    for _ in 0..<(loads / 2) { _ = try await handler.state(of: id) }
                }
            }
        }
        let thousand = (0..<1_000).map { _ in NewEvent(encoded, tags: event.tags) }
        try await store.append(thousand, to: "cash-thousand")
        @Sendable func withoutSnapshots() -> CommandHandler<CashAccount> {
            CommandHandler(CashAccount.self, in: store, category: "cash", cache: .none)
        }
        try await measure("load and fold of a stream of 1 000 events, in events", 200 * 1_000) {
            let handler = withoutSnapshots()
            for _ in 0..<200 { _ = try await handler.state(of: "thousand") }
        }
        try await measure("the same by 4 tasks at once", 400 * 1_000) {
            try await concurrently(4) { _ in
                let handler = withoutSnapshots()
                for _ in 0..<100 { _ = try await handler.state(of: "thousand") }
            }
        }
    }

    /// Reactions alone, and with the commands that follow carried out.
    private static func processes(_ store: SQLiteEventStore, count: Int) async throws {
        try await measure("process manager: reactions (an event and a command each)", count) {
            _ = try await ProcessRunner(Thanks.self, of: store, in: store) { _, _ in }.react()
        }
        // The commands of a part of them: a group of consumers sends them, each with an append of its own.
        let part = min(count, 20_000)
        let small = try await SQLiteEventStore.temporary()
        try await fill(small, count: part, accounts: 1_000)
        let target = try await SQLiteEventStore.temporary()
        let thanked = CommandHandler(CashAccount.self, in: target, category: "thanked")
        try await measure("process manager: reactions with their commands carried out", part) {
            let runner = ProcessRunner(
                Thanks.self, of: small, in: small, policy: ConsumerPolicy(inFlight: 256, window: 2_048)
            ) { account, id in
                try await thanked.handle(.deposit(1), id: account, commandID: id)
            }
            let running = Task { try await runner.run() }
            while try await target.head().rawValue < Int64(part) { try await Task.sleep(for: .milliseconds(5)) }
            running.cancel()
            try await running.value
        }
        await small.close()
        await target.close()
    }

    private static func concurrently(_ tasks: Int, _ body: @escaping @Sendable (Int) async throws -> Void) async throws
    {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<tasks { group.addTask { try await body(task) } }
            try await group.waitForAll()
        }
    }

    private static func fill(_ store: SQLiteEventStore, count: Int, accounts: Int) async throws {
        let codec = JSONEventCodec<AccountEvent>()
        for start in stride(from: 0, to: count, by: 1000) {
            var request = AppendRequest()
            var events: [NewEvent] = []
            for number in start..<min(start + 1000, count) {
                // A stride that shares no factor with the accounts visits them all, far from one another.
                let event = AccountEvent.deposited(account: "a\(number &* 7919 % accounts)", amount: number % 100)
                let encoded = try codec.encode(event)
                events.append(NewEvent(type: encoded.type, data: encoded.data, tags: event.tags))
            }
            request.append(events, to: StreamName(unchecked: "account-\(start / 1000)"))
            _ = try await store.append(request)
        }
    }

    /// Documents as of the past, each by its own events; and once they were asked for, by those behind a version.
    private static func pastDocuments(_ store: SQLiteEventStore, accounts: Int) async throws {
        let history = ProjectionHistory(Balances(), of: store)
        let head = try await store.head()
        func ask(_ history: ProjectionHistory<Balances>, _ name: String, questions: Int) async throws {
            let clock = ContinuousClock()
            var times: [Duration] = []
            for number in 0..<questions {
                let moment = Position(head.rawValue * Int64(number % 10 + 1) / 10)
                let start = clock.now
                _ = try await history.document("a\(number &* 7919 % accounts)", asOf: .position(moment))
                times.append(clock.now - start)
            }
            times.sort()
            print(
                "document as of a position\(name): p50 \(milliseconds(times[questions / 2])) ms, "
                    + "p99 \(milliseconds(times[questions * 99 / 100])) ms")
        }
        try await ask(history, "", questions: accounts < 100 ? 10 : 200)
        let kept = history.keepingSnapshots(in: store)
        for number in 0..<min(200, accounts) {
            let key = "a\(number &* 7919 % accounts)"
            try await measure("first question with snapshots kept", 1) { _ = try await kept.document(key) }
            if accounts >= 100 { break }
        }
        try await ask(kept, ", with snapshots", questions: 200)
        try await measure("all documents as of the head", Int(head.rawValue)) { _ = try await history.documents() }
    }

    /// Sends events to a target that takes them at once: a thousand of one stream after another, and of many streams in turn.
    private func publish(_ store: SQLiteEventStore) async throws {
        struct Nowhere: PublisherTarget {
            func send(_ events: [CloudEvent]) async throws {}
        }
        struct NowhereAtOnce: BatchPublisherTarget {
            func send(_ messages: [PublisherMessage]) async {
                for message in messages { message.answer(.acknowledged) }
            }
        }
        let published = try PublishedEvents(AccountEvent.self, source: "/bank")
        try await Self.measure("publisher in batches, 1 000 events of one stream behind one another", events) {
            try await EventPublisher("batches", of: store, published, in: store, to: NowhereAtOnce()).catchUp()
        }
        try await Self.measure("publisher, 1 000 events of one stream behind one another", events) {
            try await EventPublisher("nowhere", of: store, published, in: store, to: Nowhere()).catchUp()
        }
        let mixed = try await SQLiteEventStore.temporary()
        for start in stride(from: 0, to: events, by: 100) {
            var request = AppendRequest()
            for number in start..<min(start + 100, events) {
                let event = AccountEvent.deposited(account: "a\(number % keys)", amount: number % 100)
                let new = NewEvent(try JSONEventCodec<AccountEvent>().encode(event), tags: event.tags)
                request.append([new], to: StreamName(unchecked: "account-\(number % keys)"))
            }
            try await mixed.append(request)
        }
        try await Self.measure("publisher in batches, events of \(keys) streams in turn", events) {
            try await EventPublisher("batches", of: mixed, published, in: mixed, to: NowhereAtOnce()).catchUp()
        }
        try await Self.measure("publisher, events of \(keys) streams in turn", events) {
            try await EventPublisher("nowhere", of: mixed, published, in: mixed, to: Nowhere()).catchUp()
        }
        await mixed.close()
    }

    /// What a rebuild that is interrupted half way has to do again.
    private func rebuild(_ store: SQLiteEventStore) async throws {
        _ = try await ProjectionRunner(Balances(), of: store, in: store, batchSize: batch, parallelism: 2).catchUp()
        let rebuild = try ProjectionRebuild(
            of: "current", from: Balances(), to: Balances(name: "balances-2"), log: store, models: store)
        let task = Task {
            try await rebuild.build { step in
                if step.fraction > 0.5 { withUnsafeCurrentTask { $0?.cancel() } }
            }
        }
        _ = await task.result
        let half = try await store.checkpoint(of: "balances-2")
        try await Self.measure("rebuild, from position \(half) where it was interrupted", events - Int(half.rawValue)) {
            try await rebuild.build()
        }
        try await Self.measure("rebuild: comparison of all documents", keys) {
            let comparison = try await rebuild.compare()
            precondition(comparison.differenceCount == 0)
        }
    }

    private static func measure(_ name: String, _ count: Int, _ body: @Sendable () async throws -> Void) async throws {
        let clock = ContinuousClock()
        let start = clock.now
        try await body()
        let time = clock.now - start
        let seconds = Double(time.components.seconds) + Double(time.components.attoseconds) / 1e18
        print("\(name): \(Int(Double(count) / seconds)) /s (\(milliseconds(time)) ms)")
    }

    private static func milliseconds(_ time: Duration) -> String {
        String(format: "%.2f", Double(time.components.seconds) * 1e3 + Double(time.components.attoseconds) / 1e15)
    }

    /// Lets the greatest resident set begin anew, where the kernel does so.
    private static func forgetPeakMemory() {
        if let file = FileHandle(forWritingAtPath: "/proc/self/clear_refs") {
            try? file.write(contentsOf: Data("5".utf8))
        }
    }

    /// The greatest resident set so far, from the kernel's account of the process.
    private static func peakMemory() -> Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return (line.flatMap { Int($0.filter(\.isNumber)) } ?? 0) / 1024
    }
}
