import CSQLite
import DaybookCore
import DaybookSQLite
import Foundation

/// A small store with some of everything, as bytes: closed, and open with transactions in its write-ahead log alone; and
/// older copies of both.
struct CorruptionSample: Sendable {
    /// What to ask a store that is opened from these bytes.
    struct Questions: Sendable {
        var streams: [StreamName] = []
        var tags: [DaybookCore.Tag] = []
        var categories: [DaybookCore.Category] = []
        var commands: [CommandID] = []
    }

    /// The files of a store.
    struct Files: Sendable {
        var database: [UInt8]
        var wal: [UInt8]?

        init(_ path: String) throws {
            database = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
            wal = try? [UInt8](Data(contentsOf: URL(fileURLWithPath: path + "-wal")))
            // The zeros that a running store lets the file grow by are no frames.
            if let bytes = wal, let end = bytes.lastIndex(where: { $0 != 0 }) {
                let header = CorruptionSample.walHeaderBytes
                let frame = CorruptionSample.frameBytes
                wal = Array(bytes.prefix(header + (end + frame - header) / frame * frame))
            }
        }

        init(database: [UInt8], wal: [UInt8]?) {
            self.database = database
            self.wal = wal
        }

        func write(to path: String) throws {
            try Data(database).write(to: URL(fileURLWithPath: path))
            for suffix in ["-wal", "-shm"] { unlink(path + suffix) }
            if let wal { try Data(wal).write(to: URL(fileURLWithPath: path + "-wal")) }
        }
    }

    var questions = Questions()
    /// An earlier state of the same store, closed.
    let older: Files
    /// From before the later one was closed: its database is `older`'s, its log is of a generation that was copied since.
    let olderOpen: Files
    /// The later state, closed: no log.
    let closed: Files
    /// Opened again from `closed`, with more transactions in the log alone; and how it was a few transactions before.
    let open: Files
    let openBefore: Files
    /// What stores in these states give to read.
    let olderTruth: StoreReading
    let closedTruth: StoreReading
    /// After each transaction in the log of `open`, from none to all, with the frames that the log then has.
    let openTruths: [(frames: Int, reading: StoreReading)]

    static let frameHeaderBytes = 24
    static let frameBytes = frameHeaderBytes + 4096
    static let walHeaderBytes = 32

    init() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("log.daybook")
        var generator = SeededGenerator(seed: 5)
        var questions = Questions()
        questions.streams = (0..<6).map { StreamName(unchecked: "account-\($0)") } + ["order-1", "$$account-2"]
        questions.tags = ["owner:1", "owner:2"]
        questions.categories = ["account", "order"]
        questions.commands = (0..<24).map { CommandID(unchecked: "c-\($0)") }
        self.questions = questions

        func fill(_ numbers: Range<Int>, _ store: SQLiteEventStore) async throws {
            for number in numbers {
                var request = AppendRequest()
                if number % 2 == 0 { request.commandID = CommandID(unchecked: "c-\(number / 2)") }
                let size = number % 11 == 3 ? 6000 : Int.random(in: 20...700, using: &generator)
                request.append(
                    [
                        NewEvent(
                            type: number % 3 == 0 ? "Deposited" : "Withdrawn",
                            data: (0..<size).map { _ in UInt8.random(in: 32...126, using: &generator) },
                            metadata: EventMetadata(actor: "anna", reason: "test"),
                            tags: number % 2 == 0 ? ["owner:1", "owner:2"] : ["owner:1"])
                    ] + (number % 5 == 1 ? [NewEvent(type: "Audited", data: [1])] : []),
                    to: StreamName(unchecked: "account-\(number % 6)"))
                if number % 4 == 0 {
                    request.append([NewEvent(type: "Placed", contentType: .bytes, data: [0, 255])], to: "order-1")
                }
                try await store.append(request)
            }
        }
        func derive(_ store: SQLiteEventStore, _ value: String) async throws {
            let head = try await store.head()
            try await store.save(Checkpoint(after: head), for: "reader")
            try await store.save(
                Snapshot(
                    key: "account-1", version: StreamVersion(1), position: head, schema: value, data: Array(value.utf8))
            )
            try await store.commit(
                DocumentBatch(
                    model: "balances", changes: ["7": Array(value.utf8)],
                    previous: try await store.checkpoint(of: "balances"), checkpoint: head))
        }

        var store = try await SQLiteEventStore.open(path, configuration: .faulty(nil, indexEntriesInMemory: 60))
        try await fill(0..<12, store)
        try await store.setRetention(Retention(maxCount: 4), of: "account-2")
        try await derive(store, "first")
        await store.close()
        older = try Files(path)
        store = try await SQLiteEventStore.open(path, configuration: .faulty(nil, indexEntriesInMemory: 60))
        olderTruth = try await StoreReading(of: store, asking: questions)
        try await fill(12..<32, store)
        olderOpen = try Files(path)
        try await store.delete("account-4" as StreamName)
        try await derive(store, "second")
        try await fill(32..<36, store)
        await store.close()
        closed = try Files(path)

        store = try await SQLiteEventStore.open(path, configuration: .faulty(nil, indexEntriesInMemory: 1000))
        var truths: [(Int, StoreReading)] = []
        func note() async throws {
            let frames = (try Files(path).wal.map { max(0, $0.count - Self.walHeaderBytes) } ?? 0) / Self.frameBytes
            truths.append((frames, try await StoreReading(of: store, asking: questions)))
        }
        try await note()
        closedTruth = truths[0].1
        var before: Files?
        for number in 36..<46 {
            if number == 41 { before = try Files(path) }
            try await fill(number..<number + 1, store)
            try await note()
        }
        open = try Files(path)
        openBefore = try before ?? Files(path)
        openTruths = truths
        await store.close()
    }
}
