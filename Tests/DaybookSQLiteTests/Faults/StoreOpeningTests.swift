import CFaultFileSystem
import CSQLite
import DaybookCore
import DaybookSQLite
import Foundation
import Synchronization
import Testing

/// Workers that do nothing until they are told to end.
private final class HeldWorkers: Scheduling, WorkerGroup {
    private let workers = Mutex<[Owned<any Worker>]>([])

    var count: Int { workers.withLock { $0.count } }

    func makeGroup() -> any WorkerGroup { self }
    func run(_ body: @escaping @Sendable () -> Void) { body() }
    func resume(_ bodies: [@Sendable () -> Void]) { for body in bodies { body() } }
    func start(_ name: String, stackBytes: Int, _ worker: Owned<any Worker>) {
        workers.withLock { $0.append(worker) }
    }
    func waitForEnd() async {}

    /// Has one of them do what there is, and lets go of it.
    func endOne() throws {
        let last = workers.withLock { $0.popLast() }
        let worker = try #require(last).value
        for _ in 0..<1000 where worker.step(waits: false) == .ended { return }
        throw TestFailure("The worker did not end.")
    }
}

@Suite("Opening a store")
struct StoreOpeningTests {
    let directory: TemporaryDirectory
    var path: String { directory.path("log.daybook") }

    init() throws { directory = try TemporaryDirectory() }

    private func openError(_ path: String) async throws -> OpenError? {
        do {
            let store = try await SQLiteEventStore.open(path)
            await store.close()
            return nil
        } catch { return error }
    }

    @Test("a second time in the process is refused, with its number, until the first is closed")
    func secondOpener() async throws {
        let store = try await SQLiteEventStore.open(path)
        #expect(try await openError(path) == .owned(path: path, processID: getpid()))
        #expect(OpenError.owned(path: path, processID: getpid()).description.contains("\(getpid())"))
        try await store.append([NewEvent(type: "Counted", data: [1])], to: "a-1")
        await store.close()
        #expect(try await openError(path) == nil)
    }

    @Test("that was let go without being closed is refused until the last of its workers has ended")
    func letGo() async throws {
        let held = HeldWorkers()
        var configuration = SQLiteEventStore.Configuration()
        configuration.scheduling = held
        _ = try await SQLiteEventStore.open(path, configuration: configuration)
        #expect(held.count == 3)
        while held.count > 0 {
            #expect(try await openError(path) == .owned(path: path, processID: getpid()))
            try held.endOne()
        }
        #expect(try await openError(path) == nil)
    }

    @Test("through a symbolic link is refused while the file is open, and the other way round")
    func symbolicLink() async throws {
        let link = directory.path("link.daybook")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "log.daybook")
        for _ in 0..<2 {
            let store = try await SQLiteEventStore.open(link)
            #expect(store.path == path)
            #expect(try await openError(path) == .owned(path: path, processID: getpid()))
            await store.close()
        }
        let store = try await SQLiteEventStore.open(path)
        #expect(try await openError(link) == .owned(path: path, processID: getpid()))
        let other = directory.path("other.daybook")
        try FileManager.default.createSymbolicLink(atPath: other, withDestinationPath: link)
        #expect(try await openError(other) == .owned(path: path, processID: getpid()))
        await store.close()
        #expect(!FileManager.default.fileExists(atPath: link + "-owner"))
    }

    @Test("while another process owns it is refused, with that one's number, until it ends")
    func otherProcess() async throws {
        let other = Process()
        other.executableURL = URL(fileURLWithPath: "/bin/sh")
        other.arguments = ["-c", "exec 9>>'\(path)-owner'; flock 9; echo $$ >'\(path)-owner'; echo locked; read line"]
        let output = Pipe()
        let input = Pipe()
        other.standardOutput = output
        other.standardInput = input
        try other.run()
        #expect(String(decoding: output.fileHandleForReading.availableData, as: UTF8.self).contains("locked"))
        #expect(try await openError(path) == .owned(path: path, processID: other.processIdentifier))
        try input.fileHandleForWriting.close()
        other.waitUntilExit()
        #expect(try await openError(path) == nil)
    }

    @Test("refuses what is no store, and leaves it as it was")
    func notAStore() async throws {
        let text = Data(String(repeating: "This is a letter, not a database.\n", count: 200).utf8)
        try text.write(to: URL(fileURLWithPath: path))
        guard case .notADaybook(path, _)? = try await openError(path) else {
            Issue.record("A letter was opened.")
            return
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == text)

        let foreign = directory.path("foreign.db")
        try RawDatabase(foreign).insert(1...3)
        guard case .notADaybook(foreign, _)? = try await openError(foreign) else {
            Issue.record("Another program's database was opened.")
            return
        }
        #expect(try RawDatabase(foreign).highestOfAll() == 3)

        let newer = directory.path("newer.daybook")
        #expect(try await openError(newer) == nil)
        let database = try RawDatabase(newer)
        try database.execute("PRAGMA user_version = 99")
        database.close()
        #expect(try await openError(newer) == .newerFormat(path: newer, found: 99, known: 2))
    }

    @Test("where no file can be made, or none is, throws a typed error with the path")
    func cannotCreate() async throws {
        for path in [directory.path("missing/log.daybook"), directory.url.path, "/proc/log.daybook", "/dev/null/x"] {
            guard let error = try await openError(path) else {
                Issue.record("\(path) was opened.")
                continue
            }
            #expect(error.description.contains(path))
        }
        if getuid() != 0 {
            try FileManager.default.setAttributes([.posixPermissions: 0o555], ofItemAtPath: directory.url.path)
            defer {
                try? FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: directory.url.path)
            }
            #expect(try await openError(path) != nil)
        }
        var configuration = SQLiteEventStore.Configuration()
        configuration.createsFile = false
        let missing = directory.path("none.daybook")
        await #expect(throws: OpenError.missing(path: missing)) {
            try await SQLiteEventStore.open(missing, configuration: configuration)
        }
        #expect(!FileManager.default.fileExists(atPath: missing + "-owner"))
    }

    @Test("takes a name that begins with 'file:' for a name, and for no URI")
    func nameLikeURI() async throws {
        let name = "daybook-test-\(EventID())"  // Only a relative path begins so.
        defer {
            for file in [name, "file:" + name] {
                for end in ["", "-wal", "-shm", "-owner"] { try? FileManager.default.removeItem(atPath: file + end) }
            }
        }
        let store = try await SQLiteEventStore.open("file:" + name)
        try await store.append([NewEvent(type: "Counted", data: [1])], to: "a-1")
        #expect(FileManager.default.fileExists(atPath: "file:" + name))
        #expect(!FileManager.default.fileExists(atPath: name))
        #expect(try await openError("file:" + name) == .owned(path: "file:" + name, processID: getpid()))
        await store.close()
    }

    #if os(Linux)
    /// Descriptors of files in this test's own directory.
    private func openDescriptors() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count {
            let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")
            return target?.hasPrefix(directory.url.path) ?? false
        }
    }

    @Test("leaves no descriptor open, whichever call of it fails")
    func descriptors() async throws {
        let disk = try FaultyDisk()
        for call: FaultCall in [.open, .read, .write, .sync, .lock, .sharedMemoryMap, .fileSize] {
            for n in stride(from: 1, through: 40, by: 3) {
                disk.breakCall(call, first: n, count: nil)
                if let store = try? await SQLiteEventStore.open(path, configuration: .faulty(disk)) {
                    _ = try? await store.append([NewEvent(type: "Counted", data: [1])], to: "a-1")
                    _ = try? await store.readPage(from: .start, direction: .forward, filter: .all, limit: 10)
                    await store.close()
                }
                disk.repair()
                #expect(disk.openFiles == 0, "\(call) \(n)")
                #expect(try openDescriptors() == 0, "\(call) \(n)")
                try directory.removeContents()
            }
        }
    }
    #endif

    @Test("and appending while the clock jumps back keeps recorded times in order and positions as ever")
    func clock() async throws {
        let now = Mutex(Timestamp("2026-01-02T03:04:05Z")!)
        func configuration() -> SQLiteEventStore.Configuration {
            var configuration = SQLiteEventStore.Configuration()
            configuration.time = TimeSource { now.withLock { $0 } }
            return configuration
        }
        var last = Timestamp(microseconds: .min)
        var expected = Position.start
        for jump: Duration in [.seconds(1), .seconds(-86_400), .seconds(5), .seconds(-3600), .seconds(200_000)] {
            // Also across a restart.
            let store = try await SQLiteEventStore.open(path, configuration: configuration())
            for _ in 0..<3 {
                now.withLock { $0 = $0.advanced(by: jump) }
                let result = try await store.append([NewEvent(type: "Counted", data: [1])], to: "clock-1")
                expected = expected.next
                #expect(result.position == expected)
                #expect(result.recordedAt >= last)
                last = result.recordedAt
            }
            await store.close()
        }
    }

    @Test("and appending more than its limits throws typed errors, and the store goes on")
    func oversize() async throws {
        let store = try await SQLiteEventStore.open(path)
        let big = NewEvent(type: "Counted", data: Array(repeating: 1, count: Limits.eventBytes + 1))
        await #expect(throws: AppendError.invalid(.eventTooLarge(id: big.id, bytes: Limits.eventBytes + 1))) {
            try await store.append([big], to: "a-1")
        }
        let whole = Array(repeating: UInt8(1), count: Limits.eventBytes)
        let many = (0...Limits.appendBytes / Limits.eventBytes).map { _ in NewEvent(type: "Counted", data: whole) }
        await #expect(throws: AppendError.invalid(.requestTooLarge(bytes: many.count * Limits.eventBytes))) {
            try await store.append(many, to: "a-1")
        }
        try await store.append([many[0]], to: "a-1", expecting: .noStream)
        let page = try await store.readPage(of: "a-1", from: .start, direction: .forward, limit: 10)
        #expect(page.events.map { Array($0.data) } == [whole])
        await #expect(throws: ReadError.invalidLimit(0)) {
            try await store.readPage(of: "a-1", from: .start, direction: .forward, limit: 0)
        }
        await store.close()
    }

    @Test("that fails at any sync makes no file that works without a write-ahead log")
    func journalMode() async throws {
        var refused = 0
        for number in 1...12 {
            let directory = try TemporaryDirectory()
            let path = directory.path("log.daybook")
            let disk = try FaultyDisk()
            disk.breakCall(.sync, first: number)
            guard let store = try? await SQLiteEventStore.open(path, configuration: .faulty(disk)) else {
                refused += 1
                continue
            }
            disk.repair()
            let log = disk.breakCall(.sync, of: "-wal", count: nil, effect: .error)
            await #expect(throws: AppendError.self, "The sync \(number) failed, and there is no write-ahead log.") {
                try await store.append([NewEvent(type: "Counted", data: [1])], to: "first-1")
            }
            #expect(disk.timesMet(log) > 0)
            await store.close()
        }
        #expect(refused > 0)
    }

    @Test("on a disk that cannot be read for a moment forgets no recorded time, so that none goes back")
    func recordedTime() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path("log.daybook")
        let disk = try FaultyDisk()
        var configuration = SQLiteEventStore.Configuration.faulty(disk)
        configuration.time = TimeSource { Timestamp(microseconds: 2_000_000) }
        var store = try await SQLiteEventStore.open(path, configuration: configuration)
        // So large that its end lies on pages of its own, which are not at hand when the log's end has been found.
        let large = [UInt8](repeating: 1, count: 20_000)
        try await store.append([NewEvent(type: "Counted", data: large)], to: "late-1")
        await store.close()
        configuration.time = TimeSource { Timestamp(microseconds: 1_000_000) }
        var refused = 0
        for number in 1...40 {
            disk.breakCall(.read, of: ".daybook", first: number)
            let opened = try? await SQLiteEventStore.open(path, configuration: configuration)
            disk.repair()
            guard let opened else {
                refused += 1
                continue
            }
            store = opened
            let result = try await store.append([NewEvent(type: "Counted", data: large)], to: "late-1")
            #expect(result.recordedAt == Timestamp(microseconds: 2_000_000), "The read \(number) failed.")
            await store.close()
        }
        #expect(refused > 0)
    }
}
