import CFaultFileSystem
import DaybookCore
import Foundation
import Synchronization
import Testing

@testable import DaybookSQLite

@Suite("A backup")
struct BackupTests {
    /// A store of some megabytes, so that a copy takes several steps.
    private struct Sample {
        let directory: TemporaryDirectory
        let store: SQLiteEventStore
        var path: String { directory.path("log.daybook") }
        var copy: String { directory.path("copy.daybook") }

        init(fileSystem: FaultyDisk? = nil) async throws {
            directory = try TemporaryDirectory()
            var configuration = SQLiteEventStore.Configuration()
            configuration.fileSystem = fileSystem?.name
            store = try await SQLiteEventStore.open(directory.path("log.daybook"), configuration: configuration)
            for number in 0..<40 {
                let events = (0..<100).map { _ in
                    NewEvent(
                        type: "Counted", data: Array(repeating: UInt8(number), count: 4000),
                        tags: [Tag(unchecked: "a:\(number)")])
                }
                try await store.append(events, to: StreamName(unchecked: "sample-\(number)"))
            }
        }

        /// Files beside the store that a backup has left.
        func leftovers() throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: directory.url.path).filter { $0.contains("partial") }
        }
    }

    private static func log(of store: SQLiteEventStore) async throws -> [EventID] {
        var ids: [EventID] = []
        for try await event in store.events(filter: .everything) { ids.append(event.id) }
        return ids
    }

    @Test("made while 32 writers append has all that was acknowledged before, and nothing that is not in the log")
    func whileWriting() async throws {
        let sample = try await Sample()
        try await sample.store.save(Checkpoint(after: 7), for: "reader")
        try await sample.store.commit(
            DocumentBatch(model: "totals", changes: ["a": [1, 2]], previous: .start, checkpoint: 9))
        let isDone = Flag()
        let (before, report) = try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<32 {
                group.addTask {
                    let stream = StreamName(unchecked: "writer-\(writer)")
                    while !isDone.isSet {
                        try await sample.store.append(
                            [NewEvent(type: "Counted", data: Array(repeating: 1, count: 300))], to: stream)
                    }
                }
            }
            defer { isDone.set() }
            let start = try await sample.store.head()
            _ = try await sample.store.head(beyond: Position(start.rawValue + 100))
            let before = try await sample.store.head()
            return (before, try await sample.store.backup(to: sample.copy))
        }
        #expect(report.head >= before)
        #expect(report.eventsVerified == report.head.rawValue)
        #expect(report.head < (try await sample.store.head()), "The writers went on.")
        let original = try await Self.log(of: sample.store)
        await sample.store.close()

        let header = try FileHandle(forReadingFrom: URL(fileURLWithPath: sample.copy)).read(upToCount: 20)
        #expect(header?.suffix(2) == Data([2, 2]), "The copy is in WAL mode.")
        #expect(try sample.leftovers().isEmpty)
        let copy = try await SQLiteEventStore.open(sample.copy)
        #expect(try await Self.log(of: copy) == Array(original.prefix(Int(report.head.rawValue))))
        #expect(try await copy.checkpoint(for: "reader")?.position == 7)
        #expect(try await copy.document("a", of: "totals") == [1, 2])
        try await copy.append([NewEvent(type: "Counted", data: [])], to: "writer-1", expecting: .streamExists)
        #expect(try await copy.verify().isSound)
        await copy.close()
    }

    @Test("tells how far it has come, first of the copy, then of the check")
    func progress() async throws {
        let sample = try await Sample()
        let seen = Mutex<[BackupProgress]>([])
        let report = try await sample.store.backup(to: sample.copy) { step in seen.withLock { $0.append(step) } }
        let steps = seen.withLock(\.self)
        let copied = steps.compactMap { if case .copying(let bytes, _) = $0 { bytes } else { nil } }
        #expect(copied.count > 3 && copied == copied.sorted() && copied.last == report.bytes)
        #expect(steps.last == .verifying(events: 4000, of: 4000))
        await sample.store.close()
    }

    @Test("replaces nothing unless it is told to, and no store that is open, and not the store itself")
    func refusals() async throws {
        let sample = try await Sample()
        let other = try await SQLiteEventStore.open(sample.copy)
        try await other.append([NewEvent(type: "Other", data: [])], to: "other-1")
        func error(_ destination: String, replacing: Bool) async -> BackupError? {
            do throws(BackupError) {
                try await sample.store.backup(to: destination, replacing: replacing)
                return nil
            } catch {
                return error
            }
        }
        #expect(await error(sample.copy, replacing: false) == .destinationExists(path: sample.copy))
        #expect(
            await error(sample.copy, replacing: true)
                == .destinationInUse(path: sample.copy, processID: ProcessInfo.processInfo.processIdentifier))
        #expect(await error(sample.path, replacing: true) == .destinationIsSource(path: sample.path))
        await other.close()
        let wal = URL(fileURLWithPath: sample.copy + "-wal")
        try Data([1]).write(to: wal)
        #expect(await error(sample.copy, replacing: true) == .destinationHasWAL(path: sample.copy))
        try FileManager.default.removeItem(at: wal)
        #expect(await error(sample.copy, replacing: true) == nil)
        await sample.store.close()
        let copy = try await SQLiteEventStore.open(sample.copy)
        #expect(try await copy.head() == 4000)
        await copy.close()
        #expect(try sample.leftovers().isEmpty)
    }

    @Test(
        "takes no name of a part of the store, replacing or not",
        arguments: ["-wal", "-shm", "-journal", "-owner", "-WAL", ".archive-1-100", ".archive-partial"])
    func ownParts(_ end: String) async throws {
        let sample = try await Sample()
        try await sample.store.archive(through: 100)
        let part = sample.path + end
        let folder = sample.directory.url.path
        let before = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        for isReplacing in [false, true] {
            await #expect(throws: BackupError.destinationIsSource(path: part)) {
                try await sample.store.backup(to: part, replacing: isReplacing)
            }
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == before)
        // A name that only begins like the store's is any other.
        try await sample.store.backup(to: sample.path + "-2026")
        await sample.store.close()
    }

    @Test("that was asked for as a task replaces a store, and no other file")
    func taskReplaces() async throws {
        let sample = try await Sample()
        let task = UpkeepTask.backup(UpkeepTask.Backup(to: sample.copy, replaces: true, verifies: false))
        for other in [Data("{}\n".utf8), Data(count: 4096), Data()] {
            try other.write(to: URL(fileURLWithPath: sample.copy))
            let error = await #expect(throws: UpkeepError.self) { try await sample.store.perform(task) { _ in } }
            #expect(error?.code == .cannotCreate)
            #expect(try Data(contentsOf: URL(fileURLWithPath: sample.copy)) == other)
        }
        try FileManager.default.removeItem(atPath: sample.copy)
        for _ in 0..<2 { _ = try await sample.store.perform(task) { _ in } }
        await sample.store.close()
        let copy = try await SQLiteEventStore.open(sample.copy)
        #expect(try await copy.head() == 4000)
        await copy.close()
    }

    @Test("of a damaged store fails, naming the position, and leaves the destination as it was; unchecked, it is made")
    func damage() async throws {
        let sample = try await Sample()
        await sample.store.close()
        var bytes = try Data(contentsOf: URL(fileURLWithPath: sample.path))
        // Inside the data of an event of the append that has these bytes.
        let place = try #require(bytes.range(of: Data(repeating: 17, count: 1000)))
        bytes[place.lowerBound + 9] ^= 1
        try bytes.write(to: URL(fileURLWithPath: sample.path))
        try Data("an older backup".utf8).write(to: URL(fileURLWithPath: sample.copy))
        let store = try await SQLiteEventStore.open(sample.path)
        let error = await #expect(throws: BackupError.self) {
            try await store.backup(to: sample.copy, replacing: true)
        }
        guard case .damaged(sample.path, let finding, 1) = error, let position = finding.position else {
            Issue.record("\(String(describing: error)) names no position")
            return
        }
        #expect((1701...1800).contains(position.rawValue) && finding.stream == "sample-17")
        #expect(try String(contentsOfFile: sample.copy, encoding: .utf8) == "an older backup")
        #expect(try sample.leftovers().isEmpty)

        let report = try await store.backup(to: sample.copy, replacing: true, verifying: false)
        #expect(report.eventsVerified == nil)
        await store.close()
        let copy = try await SQLiteEventStore.open(sample.copy)
        #expect(try await copy.verify().findings.map(\.position) == [position])
        await copy.close()
    }

    @Test("is not moved to its place without what is only in its write-ahead log")
    func logNotCopied() throws {
        let directory = try TemporaryDirectory()
        let source = directory.path("log.daybook")
        try Data([1]).write(to: URL(fileURLWithPath: source))
        let place = try BackupDestination(directory.path("copy.daybook"), replacing: false, source: source)
        let wal = URL(fileURLWithPath: place.partial + "-wal")
        try Data([1]).write(to: wal)
        #expect(throws: BackupError.self) { try place.publish() }
        #expect(!FileManager.default.fileExists(atPath: place.path))
        try Data().write(to: wal)
        try place.publish()
        #expect(
            try Set(FileManager.default.contentsOfDirectory(atPath: directory.url.path))
                == ["log.daybook", "copy.daybook"])
    }

    @Test("ends with an error when the source cannot be read, and leaves nothing")
    func unreadableSource() async throws {
        let disk = try FaultyDisk()
        let sample = try await Sample(fileSystem: disk)
        // Most of it is in the one or the other.
        for file in [".daybook", ".daybook-wal"] { disk.breakCall(.read, of: file, first: 900, count: nil) }
        let error = await #expect(throws: BackupError.self) { try await sample.store.backup(to: sample.copy) }
        guard case .storageFailed(sample.path, _) = error else {
            Issue.record("\(String(describing: error)) does not name the source")
            return
        }
        disk.repair()
        #expect(try sample.leftovers().isEmpty && !FileManager.default.fileExists(atPath: sample.copy))
        try await sample.store.append([NewEvent(type: "Counted", data: [])], to: "sample-1")
        try await sample.store.backup(to: sample.copy)
        await sample.store.close()
    }

    @Test("stops when its task is cancelled, or the store is closed, and leaves nothing", arguments: [true, false])
    func stopped(byCancelling: Bool) async throws {
        let sample = try await Sample()
        let handle = Mutex<Task<BackupError?, Never>?>(nil)
        let task = Task<BackupError?, Never> {
            do throws(BackupError) {
                try await sample.store.backup(to: sample.copy) { _ in
                    // The copy waits here until it has been told to stop.
                    if byCancelling {
                        while handle.withLock({ $0 == nil }) {}
                        handle.withLock { $0?.cancel() }
                    } else {
                        handle.withLock { task in
                            if task == nil {
                                task = Task {
                                    await sample.store.close()
                                    return nil
                                }
                            }
                        }
                        while !sample.store.isClosing.isSet {}
                    }
                }
                return nil
            } catch {
                return error
            }
        }
        if byCancelling { handle.withLock { $0 = task } }
        #expect(await task.value == (byCancelling ? .cancelled : .closed))
        await sample.store.close()
        #expect(try sample.leftovers().isEmpty && !FileManager.default.fileExists(atPath: sample.copy))
    }

    @Test("stops before appends would be refused for want of room")
    func reserve() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path("log.daybook")
        var store = try await SQLiteEventStore.open(path)
        try await store.append([NewEvent(type: "Counted", data: [])], to: "one-1")
        await store.close()
        var configuration = SQLiteEventStore.Configuration()
        configuration.freeSpaceReserve = .max / 2
        store = try await SQLiteEventStore.open(path, configuration: configuration)
        let error = await #expect(throws: BackupError.self) { try await store.backup(to: directory.path("copy")) }
        guard case .noRoom = error else {
            Issue.record("\(String(describing: error)) is about something else")
            return
        }
        await store.close()
    }

    @Test("on a disk that fills up meanwhile ends with an error, leaves nothing, and can be made when there is room")
    func diskFull() async throws {
        #if os(Linux)
        let sample = try await Sample()
        let disk = try TemporaryDirectory()
        guard run("mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", disk.url.path) else {
            print("Skipped: this process may not mount a file system of 32 MiB.")
            return
        }
        defer { run("umount", disk.url.path) }
        let copy = disk.path("copy.daybook")
        let ballast = disk.path("ballast")
        try Data("an older backup".utf8).write(to: URL(fileURLWithPath: copy))
        let error = await #expect(throws: BackupError.self) {
            try await sample.store.backup(to: copy, replacing: true) { _ in
                if !FileManager.default.fileExists(atPath: ballast) {
                    try? Data(count: 16 << 20).write(to: URL(fileURLWithPath: ballast))
                }
            }
        }
        guard case .noRoom(copy, _, _) = error else {
            Issue.record("\(String(describing: error)) is about something else")
            return
        }
        #expect(try String(contentsOfFile: copy, encoding: .utf8) == "an older backup")
        #expect(
            try Set(FileManager.default.contentsOfDirectory(atPath: disk.url.path)).subtracting(["copy.daybook-owner"])
                == ["copy.daybook", "ballast"])
        let before = await #expect(throws: BackupError.self) {
            try await sample.store.backup(to: copy, replacing: true)
        }
        guard case .noRoom = before else {
            Issue.record("\(String(describing: before)) is about something else")
            return
        }
        try FileManager.default.removeItem(atPath: ballast)
        #expect(try await sample.store.backup(to: copy, replacing: true).eventsVerified == 4000)
        await sample.store.close()
        #endif
    }

    @discardableResult
    private func run(_ command: String...) -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}
