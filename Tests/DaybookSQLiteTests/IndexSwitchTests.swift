import CSQLite
import DaybookCore
import Testing

@testable import DaybookSQLite

@Suite("An index that is built anew")
struct IndexSwitchTests {
    /// A file, its index, and the connection that builds another one.
    private final class Building {
        let path: String
        let connection: Connection
        let tail: IndexTail
        let log: LogReader
        let index: IndexWriter
        let last: LogNumbers
        let events: [RecordedEvent]
        /// Whether the next transaction is to fail at its COMMIT.
        var refuses = false
        private(set) var looks = 0
        private(set) var differences: [String] = []

        init(_ path: String, _ events: [RecordedEvent], numbersPerSegment: Int) throws {
            let connection = try Connection(path: path, readOnly: false, creates: false, fileSystem: nil)
            let tail = IndexTail()
            let log = try LogReader(connection, tail: tail, file: path, nameCapacity: 8)
            try log.index.begin(epoch: tail.epoch)
            let segments = log.index.segments
            let last = LogNumbers(
                position: try connection.integer("SELECT max(position) FROM events") ?? 0,
                name: try connection.integer("SELECT max(id) FROM names") ?? 0,
                commit: try connection.integer("SELECT max(number) FROM commits") ?? 0)
            var done = LogNumbers(
                position: segments.last?.last ?? 0, name: segments.last?.lastName ?? 0,
                commit: segments.last?.lastCommit ?? 0)
            var gathered = IndexTail.Generation()
            let scanner = try LogScanner(log, after: done.name)
            try scanner.gather(into: &gathered, from: &done, through: last, atMost: .max)
            tail.state.withLock { [gathered] in $0.active = gathered }
            self.path = path
            self.events = events
            self.connection = connection
            self.tail = tail
            self.log = log
            self.last = last
            index = try IndexWriter(
                connection, segments: segments, numbersPerSegment: numbersPerSegment, numbersPerSlice: 4096)
        }

        /// Reads in another connection before each COMMIT and behind it.
        func watch() {
            let this = Unmanaged.passUnretained(self).toOpaque()
            sqlite3_commit_hook(
                connection.handle,
                { context in
                    guard let context else { return 0 }
                    let building = Unmanaged<Building>.fromOpaque(context).takeUnretainedValue()
                    building.look("before")
                    return building.refuses ? 1 : 0
                }, this)
            sqlite3_wal_hook(
                connection.handle,
                { context, _, _, _ in
                    guard let context else { return SQLITE_OK }
                    Unmanaged<Building>.fromOpaque(context).takeUnretainedValue().look("behind")
                    return SQLITE_OK
                }, this)
        }

        func stopWatching() {
            sqlite3_commit_hook(connection.handle, nil, nil)
            sqlite3_wal_hook(connection.handle, nil, nil)
        }

        /// Compares what the index leads to with the log.
        func look(_ moment: String) {
            looks += 1
            do {
                let reader = try LogReader(
                    Connection(path: path, readOnly: true, creates: false, fileSystem: nil), tail: tail, file: path,
                    nameCapacity: 8)
                let signal = HeadSignal(head: last.position)
                for tag in ["batch:0", "batch:6", "late"] as [DaybookCore.Tag] {
                    let filter = EventFilter(tags: [tag])
                    let page = try reader.inTransaction(headOf: signal) { reader, head throws(StoreFailure) in
                        try reader.page(from: .start, direction: .forward, filter: filter, limit: 1000, head: head)
                    }.get()
                    compare(page.events, events.filter(filter.matches), "\(moment) COMMIT, tag \(tag)")
                }
                for stream in ["s2-0", "late-1"] as [StreamName] {
                    for direction in [ReadDirection.forward, .backward] {
                        let page = try reader.inTransaction(headOf: signal) { reader, head throws(StoreFailure) in
                            try reader.page(
                                of: stream, from: direction == .forward ? .start : .end, direction: direction,
                                limit: 1000, head: head, now: Timestamp(microseconds: .max / 2))
                        }.get()
                        let expected = events.filter { $0.stream == stream }
                        compare(
                            page.events, direction == .forward ? expected : expected.reversed(),
                            "\(moment) COMMIT, \(direction) in \(stream)")
                    }
                }
            } catch {
                differences.append("\(moment) COMMIT: \(error)")
            }
        }

        private func compare(_ found: [RecordedEvent], _ expected: [RecordedEvent], _ place: String) {
            if found != expected { differences.append("\(place): \(found.count) events, not \(expected.count)") }
        }
    }

    /// A file whose index lacks the last event, and the last names.
    private func fill(_ path: String) async throws -> [RecordedEvent] {
        _ = try await IndexTests.fill(path, batches: 60)
        let store = try await SQLiteEventStore.open(path)
        try await store.append([NewEvent(type: "t0", data: [], tags: ["late"])], to: "late-1")
        let events = try await IndexTests.read(store)
        await store.close()
        return events
    }

    @Test(
        "leads to every event at any moment, wherever its segments and those of the old one end",
        arguments: [40, 300, 1_000_000])
    func readsMeanwhile(numbersPerSegment: Int) async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("log.daybook")
        let building = try await Building(path, fill(path), numbersPerSegment: numbersPerSegment)
        building.watch()
        try building.index.rebuild(
            from: LogScanner(building.log, after: 0), tail: building.tail, through: building.last, progress: nil)
        building.stopWatching()
        #expect(building.looks >= 2)
        building.look("long behind the")
        #expect(building.differences == [])
    }

    @Test("is listed in its order, also when parts that lead to no events were put together")
    func partsWithoutEvents() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("log.daybook")
        let building = try await Building(path, fill(path), numbersPerSegment: 2)
        try building.index.rebuild(
            from: LogScanner(building.log, after: 0), tail: building.tail, through: building.last, progress: nil)
        let parts = building.index.segments
        #expect(parts.filter { $0.last == 0 }.count > SegmentMerge.fanIn)
        try building.log.index.begin(epoch: building.tail.epoch)
        building.index.beginFlush(of: building.tail, through: building.last)
        for _ in 0..<1000 where building.index.segments.allSatisfy({ $0.level == 0 }) {
            try building.connection.execute("BEGIN IMMEDIATE")
            try building.index.writeSlice(after: building.log.index)
            try building.connection.execute("COMMIT")
            _ = building.index.didCommit(building.tail)
        }
        #expect(building.index.segments.contains { $0.level == 1 && $0.last == 0 })
        try building.log.index.begin(epoch: building.tail.epoch)
        #expect(building.log.index.segments.map(\.id) == building.index.segments.map(\.id))
    }

    @Test("and cannot be put in the place of the old one leaves that as it was")
    func fails() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("log.daybook")
        let building = try await Building(path, fill(path), numbersPerSegment: 1_000_000)
        let segments = building.log.index.segments.count
        building.refuses = true
        building.watch()
        #expect(throws: StoreFailure.self) {
            try building.index.rebuild(
                from: LogScanner(building.log, after: 0), tail: building.tail, through: building.last, progress: nil)
        }
        building.stopWatching()
        #expect(building.looks == 1)
        building.look("long behind the")
        #expect(building.differences == [])
        #expect(building.index.segments.count == segments)
    }
}
