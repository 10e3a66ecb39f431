import CFaultFileSystem
import CSQLite
import DaybookCore
import DaybookSQLite
import DaybookTesting
import Foundation
import Testing

@Suite("Archives of old positions")
struct ArchiveTests {
    let folder: TemporaryFolder
    var path: String { folder.path("bank.daybook") }

    init() throws { folder = try TemporaryFolder() }

    /// Three streams of 20 events each, the first of which has a retention that hides nothing.
    private func fill() async throws -> SQLiteEventStore {
        let store = try await SQLiteEventStore.open(path)
        for number in 0..<20 {
            var request = AppendRequest(commandID: try CommandID("command \(number)"))
            for stream in ["a-1", "a-2", "b-1"] as [StreamName] {
                request.append([NewEvent(type: "counted", data: [UInt8(number)], tags: ["all"])], to: stream)
            }
            try await store.append(request)
            if number == 5 { try await store.setRetention(Retention(maxCount: 100), of: "a-1") }
        }
        try await store.append([NewEvent(type: "counted", data: [])], to: "late-1")
        return store
    }

    @Test("are read like the log itself, across their borders, and by the store that is opened again")
    func reads() async throws {
        var store = try await fill()
        let log = try await ServedLog(store)
        let now = Timestamp(microseconds: .max / 2)
        for through in [7, 30, 31, 500] as [Position] {
            let report = try await store.archive(through: through)
            #expect(report.last == min(through, 61) && report.leftOver == 0)
            #expect(try await log.differences(in: store, now: now).isEmpty, "through \(through)")
            #expect(try await store.verify().findings.isEmpty)
        }
        #expect(try await store.archive(through: 500).file == nil)
        #expect(try await store.statistics().archivedThrough == 61)
        await store.close()
        let kept = try SQLiteFile.integers("SELECT position FROM events", of: path)
        #expect(kept == [62])
        store = try await SQLiteEventStore.open(path)
        #expect(try await log.differences(in: store, now: now).isEmpty)
        try await store.reindex()
        #expect(try await log.differences(in: store, now: now).isEmpty)
        // Versions, settings and receipts go on from what is archived.
        let result = try await store.append([NewEvent(type: "counted", data: [])], to: "a-1", expecting: .version(19))
        #expect(result.position == 63)
        #expect(try await store.receipt(for: "command 3")?.position == 12)
        await store.close()
        let mode = try FileManager.default.attributesOfItem(atPath: path + ".archive-1-7")[.posixPermissions] as? Int
        #expect(mode == 0o444)
    }

    @Test("that are away make reads of their events fail by name, and no other; and are read again when they are back")
    func missing() async throws {
        let first = try await fill()
        try await first.archive(through: 30)
        try await first.append([NewEvent(type: "counted", data: [])], to: "new-1")
        await first.close()
        let file = path + ".archive-1-30"
        try FileManager.default.moveItem(atPath: file, toPath: file + ".away")
        let store = try await SQLiteEventStore.open(path)
        #expect(try await store.statistics().missingArchives == ["bank.daybook.archive-1-30"])
        do {
            for try await _ in store.events() {}
            Issue.record("The archive is away.")
        } catch {
            guard case .archiveUnreadable(1, file, _) = error else { throw error }
            #expect("\(error)".contains("put the file back"))
        }
        let behind = try await store.readPage(from: .position(31), direction: .forward, filter: .everything, limit: 100)
        #expect(behind.events.count == 33)
        let late = try await store.readPage(of: "late-1", from: .start, direction: .forward, limit: 100)
        #expect(late.events.count == 1)
        try await store.append([NewEvent(type: "counted", data: [])], to: "b-1", expecting: .version(19))
        // The settings of this stream are in the archive.
        await #expect(throws: AppendError.self) { try await store.append([NewEvent(type: "x", data: [])], to: "a-1") }
        let findings = try await store.verify().findings
        #expect(findings.count == 1 && findings[0].reason.contains("put it back"), "\(findings)")

        try FileManager.default.moveItem(atPath: file + ".away", toPath: file)
        #expect(try await IndexTests.read(store).count == 64)
        #expect(try await store.verify().isSound)
        await store.close()
    }

    @Test("that are damaged are found, and their other events are read")
    func damaged() async throws {
        let store = try await fill()
        try await store.archive(through: 30)
        let file = path + ".archive-1-30"
        chmod(file, 0o644)
        try IndexTests.execute(
            "UPDATE events SET record = substr(record, 1, 70) || x'FF' || substr(record, 72) WHERE position = 4",
            on: file)
        let findings = try await store.verify().findings
        #expect(findings.first?.position == 4 && findings.count == 2, "\(findings)")
        let page = try await store.readPage(from: .position(5), direction: .forward, filter: .everything, limit: 100)
        #expect(page.events.first?.position == 5)
        await store.close()
    }

    @Test("with a damaged event cost an index that is built anew that event alone")
    func damagedWhenReindexed() async throws {
        let first = try await fill()
        try await first.archive(through: 30)
        await first.close()
        let file = path + ".archive-1-30"
        chmod(file, 0o644)
        // The second event of the first stream.
        try IndexTests.execute(
            "UPDATE events SET record = substr(record, 1, 70) || x'FF' || substr(record, 72) WHERE position = 4",
            on: file)
        let store = try await SQLiteEventStore.open(path)
        try await store.reindex()
        for stream in ["a-2", "b-1"] as [StreamName] {
            let page = try await store.readPage(of: stream, from: .start, direction: .forward, limit: 100)
            #expect(page.events.map(\.version.rawValue) == Array(0..<20))
        }
        let page = try await store.readPage(of: "a-1", from: .version(2), direction: .forward, limit: 100)
        #expect(page.events.map(\.version.rawValue) == Array(2..<20))
        do {
            for try await _ in store.events(of: "a-1") {}
            Issue.record("A damaged event was passed over.")
        } catch {
            guard case .corrupted(4, _, _, _) = error else { throw error }
        }
        for stream in ["a-1", "a-2"] as [StreamName] {
            let event = NewEvent(type: "counted", data: [])
            let result = try await store.append([event], to: stream, expecting: .version(19))
            #expect(result.version == 20)
        }
        await store.close()
    }

    @Test("are not written over a file of their name, nor with a damaged event")
    func refused() async throws {
        let store = try await fill()
        let file = path + ".archive-1-30"
        try Data("a letter".utf8).write(to: URL(fileURLWithPath: file))
        await #expect(throws: ArchiveError.exists(file: file)) { try await store.archive(through: 30) }
        #expect(try String(contentsOfFile: file, encoding: .utf8) == "a letter")
        await store.close()
        try IndexTests.execute(
            "UPDATE events SET record = substr(record, 1, 70) || x'FF' || substr(record, 72) WHERE position = 4",
            on: path)
        let again = try await SQLiteEventStore.open(path)
        do {
            try await again.archive(through: 10)
            Issue.record("A damaged event was archived.")
        } catch {
            guard case .unreadable(.corrupted(4, _, _, _)) = error else { throw error }
        }
        await again.close()
    }

    @Test("leave an event that was scavenged later unread, and give its bytes back to nobody")
    func scavenged() async throws {
        let store = try await fill()
        let log = try await ServedLog(store)
        try await store.archive(through: 40)
        try await store.delete("a-2")
        let now = Timestamp(microseconds: .max / 2)
        let after = try await ServedLog(store)
        let hidden = after.hidden(now: now)
        #expect(hidden.count == 19)
        let report = try await store.scavenge()
        #expect(report.events == 19)
        for _ in 0..<2 {
            #expect(try await after.differences(in: store, without: hidden, now: now).isEmpty)
            #expect(try await store.verify().findings.isEmpty)
            try await store.reindex()
        }
        #expect(log.events.count == 62)
        await store.close()
    }

    @Test("are there whole or not at all after a death at any storage call, and another run does the rest")
    func anyCall() async throws {
        let store = try await fill()
        let log = try await ServedLog(store)
        await store.close()
        let now = Timestamp(microseconds: .max / 2)
        var generator = SeededGenerator(seed: FaultSeed.value)
        var (deaths, listed) = (0, 0)
        for call in [FaultCall.write, .sync] {
            let step = FaultSeed.states >= 1_000 ? 1 : call == .write ? 5 : 2
            var first = Int.random(in: 1...step, using: &generator)
            while true {
                let directory = try TemporaryDirectory()
                try FileManager.default.copyItem(atPath: path, toPath: directory.path("bank.daybook"))
                let disk = try FaultyDisk()
                disk.breakCall(
                    call, first: first, effect: .powerOff, length: Int.random(in: 0...4096, using: &generator))
                if let store = try? await SQLiteEventStore.open(
                    directory.path("bank.daybook"), configuration: .faulty(disk, indexEntriesInMemory: 40))
                {
                    _ = try? await store.archive(through: 25)
                    _ = try? await store.archive(through: 50)
                    await store.close()
                }
                let isOver = !disk.isOff
                disk.cutPower()
                for survival in isOver ? [FaultSurvival.all] : [.all, .none, .random] {
                    let survivors = try TemporaryDirectory()
                    try disk.copySurviving(to: survivors.url, survival, seed: generator.next())
                    let state = Comment(rawValue: "\(call) \(first), \(survival), seed \(FaultSeed.value)")
                    let store = try await SQLiteEventStore.open(survivors.path("bank.daybook"))
                    #expect(try await log.differences(in: store, now: now).isEmpty, state)
                    #expect(try await store.verify().findings.isEmpty, state)
                    let statistics = try await store.statistics()
                    if [25, 50].contains(statistics.archivedThrough) { listed += 1 }
                    for through in [25, 50, 55] as [Position] { try await store.archive(through: through) }
                    #expect(try await log.differences(in: store, now: now).isEmpty, state)
                    await store.close()
                    let kept = try SQLiteFile.integers(
                        "SELECT min(position) FROM events", of: survivors.path("bank.daybook"))
                    #expect(kept == [56], state)
                }
                if isOver { break }
                deaths += 1
                first += step
            }
        }
        #expect(deaths > 8 && listed > 2, "\(deaths) deaths, \(listed) with an archive")
    }
}

/// A look at a file with SQLite alone.
enum SQLiteFile {
    static func integers(_ query: String, of path: String) throws -> [Int64] {
        var (connection, statement): (OpaquePointer?, OpaquePointer?)
        defer { sqlite3_close_v2(connection) }
        guard sqlite3_open_v2(path, &connection, SQLITE_OPEN_READWRITE, nil) == SQLITE_OK,
            sqlite3_prepare_v2(connection, query, -1, &statement, nil) == SQLITE_OK
        else { throw TestFailure("\(query): \(String(cString: sqlite3_errmsg(connection)))") }
        defer { sqlite3_finalize(statement) }
        var found: [Int64] = []
        while sqlite3_step(statement) == SQLITE_ROW { found.append(sqlite3_column_int64(statement, 0)) }
        return found
    }
}
