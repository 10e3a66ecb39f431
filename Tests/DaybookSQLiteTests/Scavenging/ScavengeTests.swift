import CFaultFileSystem
import CSQLite
import Daybook
import DaybookCore
import DaybookSQLite
import DaybookTesting
import Foundation
import Testing

private enum TallyEvent: DomainEvent {
    case counted(number: Int)
    static let typePrefix = "tally"
}

@Suite("Scavenging")
struct ScavengeTests {
    let folder: TemporaryFolder
    var path: String { folder.path("bank.daybook") }

    init() throws { folder = try TemporaryFolder() }

    private func events(_ count: Int, tags: [DaybookCore.Tag] = []) -> [NewEvent] {
        (0..<count).map { NewEvent(type: "tally.counted", data: Array(#"{"number":\#($0)}"#.utf8), tags: tags) }
    }

    private func positions(_ store: SQLiteEventStore) async throws -> [Int64] {
        try await IndexTests.read(store).map(\.position.rawValue)
    }

    @Test("removes nothing where nothing is hidden")
    func nothing() async throws {
        let store = try await SQLiteEventStore.open(path)
        #expect(try await store.scavenge().events == 0)
        try await store.append(events(5), to: "a-1")
        try await store.setRetention(Retention(maxCount: 10), of: "a-1")
        let report = try await store.scavenge()
        #expect(report.events == 0 && report.streams == 0)
        #expect(try await positions(store) == Array(1...6))
        await store.close()
    }

    @Test("leaves the last event of a deleted stream, from which its versions go on")
    func lastEvent() async throws {
        let store = try await SQLiteEventStore.open(path)
        try await store.append(events(5), to: "a-1")
        try await store.delete("a-1")
        #expect(try await store.scavenge().events == 4)
        #expect(try await positions(store) == [5, 6])
        try await store.append(events(2), to: "a-1", expecting: .noStream)
        #expect(try await store.state(of: "a-1").lastVersion == 6)
        // It is no longer the last one.
        #expect(try await store.scavenge().events == 1)
        #expect(try await positions(store) == [6, 7, 8])
        #expect(try await store.verify().isSound)
        await store.close()
    }

    @Test("hides what it removed from a stream whose retention is relaxed later: it begins at its first event")
    func relaxed() async throws {
        let store = try await SQLiteEventStore.open(path)
        try await store.append(events(10), to: "a-1")
        try await store.setRetention(Retention(truncateBefore: 6), of: "a-1")
        try await store.scavenge()
        try await store.setRetention(.unlimited, of: "a-1")
        for _ in 0..<2 {
            let page = try await store.readPage(of: "a-1", from: .start, direction: .forward, limit: 100)
            #expect(page.events.map(\.version) == [6, 7, 8, 9])
            let early = try await store.readPage(of: "a-1", from: .version(2), direction: .forward, limit: 100)
            #expect(early.events.map(\.version) == [6, 7, 8, 9])
            let back = try await store.readPage(of: "a-1", from: .end, direction: .backward, limit: 100)
            #expect(back.events.map(\.version) == [9, 8, 7, 6] && back.isAtEnd)
            try await store.reindex()
        }
        await store.close()
    }

    @Test("lets the index go on behind events that were removed before it had reached them")
    func notIndexedYet() async throws {
        var configuration = SQLiteEventStore.Configuration()
        configuration.indexEntriesInMemory = 40
        var store = try await SQLiteEventStore.open(path, configuration: configuration)
        // The first are in the index of the file, the others in memory only.
        for count in [20, 1, 7] { try await store.append(events(count), to: "a-1") }
        try await store.setRetention(Retention(truncateBefore: 25), of: "a-1")
        #expect(try await store.scavenge().events == 25)
        await store.close()
        store = try await SQLiteEventStore.open(path, configuration: configuration)
        for _ in 0..<5 { try await store.append(events(10), to: "a-1") }
        let page = try await store.readPage(of: "a-1", from: .start, direction: .forward, limit: 100)
        #expect(page.events.map(\.version.rawValue) == Array(25..<78))
        #expect(try await store.verify().isSound)
        await store.close()
    }

    @Test("leaves what a retention that was relaxed meanwhile shows again")
    func relaxedMeanwhile() async throws {
        let store = try await SQLiteEventStore.open(path)
        try await store.append(events(10), to: "a-1")
        try await store.setRetention(Retention(maxCount: 1), of: "a-1")
        var options = ScavengeOptions()
        options.eventsPerTransaction = 1
        // The plan is made before the first progress is told; the change comes between two transactions.
        let first = AsyncStream.makeStream(of: Void.self)
        let proceed = DispatchSemaphore(value: 0)
        let run = Task { [options] in
            try await store.scavenge(options) { done, _ in
                guard done == 1 else { return }
                first.continuation.yield()
                proceed.wait()
            }
        }
        for await _ in first.stream { break }
        try await store.setRetention(.unlimited, of: "a-1")
        proceed.signal()
        #expect(try await run.value.events == 1)
        let page = try await store.readPage(of: "a-1", from: .start, direction: .forward, limit: 100)
        #expect(page.events.map(\.version.rawValue) == Array(1...9))
        await store.close()
    }

    // MARK: - Consumers

    @Test("leaves what a checkpoint, a projection, a parked key or a consumer group has not seen, and names them")
    func consumers() async throws {
        let store = try await SQLiteEventStore.open(path)
        try await store.append(events(20), to: "a-1")
        try await store.setRetention(Retention(maxCount: 1), of: "a-1")
        try await store.save(Checkpoint(after: 12), for: "mailer")
        try await store.save(Checkpoint(after: 21), for: "done")
        var report = try await store.scavenge()
        #expect(report.events == 12 && report.heldBack == 7)
        #expect(report.consumers == [ScavengeReport.Consumer(name: "mailer", position: 12)])

        try await store.deleteCheckpoint(for: "mailer")
        try await store.commit(DocumentBatch(model: "totals", changes: [:], previous: 0, checkpoint: 14))
        report = try await store.scavenge()
        #expect(report.events == 2 && report.consumers == [ScavengeReport.Consumer(name: "totals", position: 14)])

        // A projection that went on, but for one key.
        let parked = Array(#"[{"key":"a","position":16,"reason":"test"}]"#.utf8)
        try await store.commit(
            DocumentBatch(model: "totals", changes: ["\u{1F}parked": parked], previous: 14, checkpoint: 21))
        report = try await store.scavenge()
        #expect(report.events == 1 && report.consumers == [ScavengeReport.Consumer(name: "totals", position: 15)])
        try await store.deleteReadModel("totals")

        let policy = ConsumerPolicy(deliveries: 1)
        let group = ConsumerGroup("senders", of: store, TallyEvent.self, in: store, policy: policy)
        try await group.catchUp(as: "one") { delivery in
            if delivery.recorded.position >= 17 { throw CancellationError() }
        }
        let settled = try await group.status().settled
        report = try await store.scavenge()
        #expect(report.consumers == [ScavengeReport.Consumer(name: "senders", position: settled)], "\(report)")
        #expect(settled.rawValue < 19 && report.heldBack == 19 - max(settled.rawValue, 15))
        await store.close()
    }

    @Test("does not hide how old the next event is that a consumer has not seen")
    func health() async throws {
        let store = try await SQLiteEventStore.open(path)
        try await store.append(events(3), to: "a-1")
        try await store.setRetention(Retention(maxCount: 1), of: "a-1")
        #expect(try await store.scavenge().events == 2)
        try await store.save(Checkpoint(after: .start), for: "late")
        let health = try await store.health(HealthPolicy(maxTimeBehind: .seconds(-1)))
        #expect(health.consumers.map(\.name) == ["late"])
        #expect(health.consumers.first?.secondsBehind != nil)
        #expect(!health.isHealthy)
        await store.close()
    }

    @Test("passes over consumers when told to, and over read models that follow no log")
    func ignoredConsumers() async throws {
        let store = try await SQLiteEventStore.open(path)
        try await store.append(events(20), to: "a-1")
        try await store.setRetention(Retention(maxCount: 1), of: "a-1")
        try await store.save(Checkpoint(after: 3), for: "old")
        try await store.save(Checkpoint(after: 9), for: "mailer")
        let first = try await store.readPage(from: .start, direction: .forward, filter: .all, limit: 1).events
        for event in first { try await Inbox("count", model: "inbox", in: store).once(event) { _ in } }
        try await LeaderElection("one", in: store).run {}
        for model: ReadModelName in ["$alias/x", "$receiver-x"] {
            try await store.commit(DocumentBatch(model: model, changes: ["x": [1]], previous: 0, checkpoint: 1))
        }
        var options = ScavengeOptions()
        options.ignoredConsumers = ["old"]
        let report = try await store.scavenge(options)
        #expect(report.events == 9 && report.consumers == [ScavengeReport.Consumer(name: "mailer", position: 9)])
        options.ignoresConsumers = true
        options.through = 15
        #expect(try await store.scavenge(options).events == 6)
        #expect(try await positions(store) == Array(16...21))
        await store.close()
    }

    @Test("leaves the inputs that a process manager has not reacted to, although its deadlines are ahead")
    func processes() async throws {
        let store = try await SQLiteEventStore.open(path)
        try await store.append(events(10), to: "a-1")
        try await store.setRetention(Retention(maxCount: 1), of: "process_progress-billing")
        try await store.delete("a-1")
        try await store.commit(
            DocumentBatch(model: "$process-timers-billing", changes: [:], previous: 0, checkpoint: 12))
        var report = try await store.scavenge()
        #expect(report.events == 0 && report.heldBack == 9, "It has recorded no progress yet.")
        #expect(report.consumers == [ScavengeReport.Consumer(name: "billing", position: 0)])

        let progress = try JSONEventCodec<ProcessProgress>().encode(.advanced(through: 4))
        try await store.append([NewEvent(type: progress.type, data: progress.data)], to: "process_progress-billing")
        report = try await store.scavenge()
        #expect(report.events == 4 && report.heldBack == 5)
        #expect(report.consumers == [ScavengeReport.Consumer(name: "billing", position: 4)])

        // A process whose read models are elsewhere, and whose progress this version cannot read.
        try await store.append([NewEvent(type: progress.type, data: [])], to: "process_progress-shipping")
        var options = ScavengeOptions()
        options.ignoredConsumers = ["billing"]
        report = try await store.scavenge(options)
        #expect(report.events == 0 && report.heldBack == 5)
        #expect(report.consumers == [ScavengeReport.Consumer(name: "shipping", position: 0)])
        options.ignoredConsumers = ["billing", "shipping"]
        #expect(try await store.scavenge(options).events == 5)
        await store.close()
    }

    // MARK: - Appends

    @Test("keeps a repeated append from being recorded twice, by its command or the last of its events")
    func repeats() async throws {
        let store = try await SQLiteEventStore.open(path)
        let (first, second) = (events(3), events(4))
        var named = AppendRequest(commandID: "first")
        named.append(first, to: "a-1", expecting: .noStream)
        let result = try await store.append(named)
        try await store.append(second, to: "a-1", expecting: .version(2))
        try await store.setRetention(Retention(maxCount: 1), of: "a-1")
        #expect(try await store.scavenge().events == 6)
        for _ in 0..<2 {
            let again = try await store.append(named)
            #expect(again.isRepeat && again.position == result.position && again.streams == result.streams)
            for expected in [.any, .streamExists, .version(2)] as [ExpectedVersion] {
                let repeated = try await store.append(second, to: "a-1", expecting: expected)
                #expect(repeated.isRepeat && repeated.position == 7, "\(expected)")
            }
            // Nothing is left of these: they are told from no others, and not recorded.
            await #expect(throws: AppendError.self) { try await store.append(first, to: "a-1", expecting: .noStream) }
            try await store.reindex()
        }
        #expect(try await store.head() == 8)
        await store.close()
    }

    @Test("takes removed events out of conditions")
    func conditions() async throws {
        let store = try await SQLiteEventStore.open(path)
        try await store.append(events(3, tags: ["owner:1"]), to: "a-1")
        try await store.append(events(1, tags: ["owner:1"]), to: "a-2")
        try await store.delete("a-1")
        let query = EventQuery(tags: ["owner:1"])
        func conflict(after position: Position) async throws -> Position? {
            var request = AppendRequest(
                condition: AppendCondition(failIfEventsMatch: query, after: position))
            request.append(events(1), to: "b-1")
            do {
                try await store.append(request)
                return nil
            } catch {
                guard case .conditionFailed(_, let conflict) = error else { throw error }
                return conflict
            }
        }
        #expect(try await conflict(after: 0) == 1)
        try await store.scavenge()
        #expect(try await conflict(after: 0) == 3)
        #expect(try await conflict(after: 3) == 4)
        try await store.reindex()
        #expect(try await conflict(after: 0) == 3)
        #expect(try await conflict(after: 4) == nil)
        await store.close()
    }

    @Test("goes on beside appends and readers, and a subscriber gets every event that stays")
    func beside() async throws {
        var configuration = SQLiteEventStore.Configuration()
        configuration.indexEntriesInMemory = 500
        let store = try await SQLiteEventStore.open(path, configuration: configuration)
        for number in 0..<60 { try await store.append(events(20), to: StreamName(unchecked: "s-\(number % 6)")) }
        for stream in ["s-0", "s-1", "s-2"] as [StreamName] {
            try await store.setRetention(Retention(maxCount: 5), of: stream)
        }
        let isWhole: @Sendable (StreamName) -> Bool = { ["s-3", "s-4", "s-5"].contains($0) || $0.isControl }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                var options = ScavengeOptions()
                options.eventsPerTransaction = 7
                for _ in 0..<3 { try await store.scavenge(options) }
            }
            for writer in 0..<2 {
                group.addTask {
                    for _ in 0..<50 {
                        try await store.append(events(2), to: StreamName(unchecked: "s-\(writer * 5)"))
                    }
                }
            }
            for _ in 0..<3 {
                group.addTask {
                    for _ in 0..<12 {
                        var versions: [StreamName: StreamVersion] = [:]
                        for try await event in store.events(filter: .everything, pageSize: 50) {
                            // Of the others, events may go between two pages.
                            if let last = versions[event.stream] {
                                #expect(isWhole(event.stream) ? event.version == last.next : event.version > last)
                            }
                            versions[event.stream] = event.version
                        }
                        let page = try await store.readPage(of: "s-1", from: .start, direction: .forward, limit: 50)
                        #expect(page.events.count == 5)
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await store.verify().findings.isEmpty)
        let all = try await IndexTests.read(store)
        var seen: [RecordedEvent] = []
        for try await item in store.subscribe(filter: .everything) {
            if case .event(let event) = item { seen.append(event) }
            if case .caughtUp = item { break }
        }
        #expect(seen == all)
        await store.close()
    }

    // MARK: - The file

    @Test("gives room back: later appends use it, and compacting makes the file smaller")
    func room() async throws {
        let store = try await SQLiteEventStore.open(path)
        func large() -> [NewEvent] {
            (0..<100).map { _ in NewEvent(type: "large", data: Array(repeating: 7, count: 10_000)) }
        }
        for _ in 0..<5 { try await store.append(large(), to: "a-1") }
        try await store.append(events(1), to: "a-1")
        try await store.setRetention(Retention(maxCount: 1), of: "a-1")
        let report = try await store.scavenge()
        #expect(report.events == 500 && report.bytes >= 5_000_000)
        await store.close()
        let size = { try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0 }
        let full = try size()
        let again = try await SQLiteEventStore.open(path)
        for _ in 0..<4 { try await again.append(large(), to: "a-2") }
        await again.close()
        #expect(try size() <= full)
        let last = try await SQLiteEventStore.open(path)
        try await last.delete("a-2")
        var options = ScavengeOptions()
        options.compacts = true
        let compacted = try await last.scavenge(options)
        #expect(compacted.events == 399 && compacted.fileBytesAfter < 300_000, "\(compacted)")
        #expect(try await last.verify().isSound)
        try await last.append(events(1), to: "a-2")
        await last.close()
    }

    @Test("stops before a damaged event, names it, and has removed what lies before")
    func damaged() async throws {
        let store = try await SQLiteEventStore.open(path)
        try await store.append(events(10), to: "a-1")
        try await store.delete("a-1")
        await store.close()
        try IndexTests.execute(
            "UPDATE events SET record = substr(record, 1, 70) || x'FF' || substr(record, 72) WHERE position = 4",
            on: path)
        let again = try await SQLiteEventStore.open(path)
        var options = ScavengeOptions()
        options.eventsPerTransaction = 1
        do {
            try await again.scavenge(options)
            Issue.record("A damaged event was removed.")
        } catch {
            guard case .unreadable(.corrupted(4, "a-1", _, _)) = error else { throw error }
        }
        #expect(try await again.statistics().scavenged == 3)
        #expect(try await again.verify().findings.map(\.position) == [4])
        await again.close()
    }

    @Test(
        "is told from damage: the check finds what is missing, and what is told wrongly",
        arguments: [
            ("DELETE FROM events WHERE position = 12", "it is missing"),
            ("UPDATE scavenged SET last = last + 1", "damaged"),
            ("DELETE FROM scavenged", "it is missing"),
            ("INSERT INTO scavenged VALUES(12, 12, 0)", "damaged"),
        ])
    func verify(statement: String, reason: String) async throws {
        let store = try await SQLiteEventStore.open(path)
        try await store.append(events(10), to: "a-1")
        try await store.append(events(10), to: "a-2")
        try await store.delete("a-1")
        try await store.scavenge()
        #expect(try await store.verify().isSound)
        await store.close()
        try IndexTests.execute(statement, on: path)
        let again = try await SQLiteEventStore.open(path)
        let findings = try await again.verify().findings
        #expect(findings.contains { $0.reason.contains(reason) }, "\(findings)")
        await again.close()
    }

    @Test("comes with format 2: a file of format 1 becomes one when it is opened, with room for it or without")
    func upgrade() async throws {
        let store = try await SQLiteEventStore.open(path)
        try await store.append(events(10), to: "a-1")
        try await store.delete("a-1")
        await store.close()
        try IndexTests.execute("DROP TABLE scavenged; PRAGMA user_version = 1", on: path)
        let version = { try Self.version(of: path) }

        let disk = try FaultyDisk()
        disk.breakCall(.write, of: "-wal", count: nil, result: 13)  // SQLITE_FULL
        let full = try await SQLiteEventStore.open(path, configuration: .faulty(disk))
        #expect(try await positions(full) == Array(1...11))
        #expect(try await full.statistics().scavenged == 0)
        await full.close()
        #expect(try version() == 1)

        let again = try await SQLiteEventStore.open(path)
        #expect(try await again.scavenge().events == 9)
        await again.close()
        #expect(try version() == 2)
    }

    @Test("ends the writing of a store when a sync of the change to format 2 fails, as of any other")
    func failedUpgrade() async throws {
        let first = try await SQLiteEventStore.open(path)
        try await first.append(events(10), to: "a-1")
        try await first.delete("a-1")
        await first.close()
        try IndexTests.execute("DROP TABLE scavenged; PRAGMA user_version = 1", on: path)

        let disk = try FaultyDisk()
        disk.breakCall(.write, of: "-wal", count: nil, result: 13)  // SQLITE_FULL
        let store = try await SQLiteEventStore.open(path, configuration: .faulty(disk))
        disk.repair()
        disk.breakCall(.sync, of: "-wal")
        await #expect(throws: ScavengeError.self) { try await store.scavenge() }
        disk.repair()
        await #expect(throws: AppendError.self) { try await store.append(events(1), to: "b-1") }
        await store.close()
        let again = try await SQLiteEventStore.open(path)
        #expect(try await positions(again) == Array(1...11))
        await again.close()
    }

    private static func version(of path: String) throws -> Int32 {
        var (connection, statement): (OpaquePointer?, OpaquePointer?)
        defer { sqlite3_close_v2(connection) }
        #expect(sqlite3_open_v2(path, &connection, SQLITE_OPEN_READONLY, nil) == SQLITE_OK)
        #expect(sqlite3_prepare_v2(connection, "PRAGMA user_version", -1, &statement, nil) == SQLITE_OK)
        defer { sqlite3_finalize(statement) }
        #expect(sqlite3_step(statement) == SQLITE_ROW)
        return sqlite3_column_int(statement, 0)
    }
}
