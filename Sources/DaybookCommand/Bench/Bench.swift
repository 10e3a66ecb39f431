import ArgumentParser
import DaybookCore
import DaybookSQLite
import Dispatch
import Foundation

/// `daybook bench`: what the embedded store does on this machine, beside its disk.
struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure the embedded store beside the raw disk.",
        discussion: """
            Each workload runs on an empty store of its own, which is removed afterwards. Events have 200 B of data and \
            100 B of metadata. The disk alone is measured in the same folder, in the same run: compare within one run.

              W1        1 writer, 1 event an append
              W2-32     32 writers at once; also W2-128
              W3-1      1 writer, batches of 100; also W3-8 with 8 writers
              W4        read streams of 1,000 events
              W5        read the whole log
              W6        append to live subscriber at 1,000 events/s
              W7        16 writers on one stream
              W8-100k   W1, W2-32, the same into streams at random that are stored already, W10-1, W4, and opening after a
                        crash, with 100,000 events stored in streams of 1,000;
                        only when named: W8-1M, W8-10M; W8-100kx10, W8-1Mx10, W8-10Mx10 in streams of 10 events;
                        W8-1Mx1M in one stream; W8-100M and W8-100Mx10, of 40 GiB each
              W9        1 writer, batches of 10,000
              W10-1     append with two tags and a condition on them; also W10-128 with 128 writers
              W11-1     W2-32 while a subscriber follows the log; also W11-8 and W11-50

            EXAMPLES
              daybook bench
              daybook bench --workload W1,W2-32 --runs 5 --json --directory /var/lib/daybook
            """)

    @Option(help: "Which workloads, parted by commas; W2 stands for W2-32 and W2-128.") var workload: String?
    @Option(help: "The folder in which stores are made; on the disk to be measured.", completion: .directory)
    var directory: String?
    @Option(help: "How long each workload runs, in seconds.") var seconds = 3.0
    @Option(help: "How often each workload runs; the run with the middle rate counts.") var runs = 1
    @Option(help: "Bytes of the file that readers map into memory; 0 for none.") var memoryMappedBytes: Int64 = 0
    @OptionGroup var sync: DurabilityOption
    @Flag(help: "One line of JSON a workload.") var json = false

    func validate() throws {
        guard seconds >= 0.01, seconds <= 3600 else {
            throw ValidationError("--seconds is \(seconds): use 0.01 to 3600.")
        }
        guard (1...100).contains(runs) else { throw ValidationError("--runs is \(runs): use 1 to 100.") }
        if let workload, Workload.names(in: workload) == nil {
            throw ValidationError(
                "--workload is '\(workload)': use \((Workload.standard + Workload.onRequest).joined(separator: ", ")).")
        }
    }

    func run() async throws {
        let names = workload.flatMap { Workload.names(in: $0) } ?? Workload.standard
        let folder = try BenchmarkFolder(in: directory ?? FileManager.default.temporaryDirectory.path)
        _ = try await runUntilInterrupted { try await measure(names, in: folder) }
        folder.remove()
    }

    private func measure(_ names: [String], in folder: BenchmarkFolder) async throws {
        let raw = try await folder.measureRawDisk()
        if !json {
            StandardError.line(
                "Disk alone: \(Int64(raw.preallocated).grouped) appends of 512 B with sync a second "
                    + "(\(Int64(raw.growing).grouped) in a growing file), \(Int64(raw.grouped).grouped) events/s in groups of "
                    + "64, \(Int64(raw.threads32).grouped) and \(Int64(raw.threads128).grouped) appends/s by 32 and 128 "
                    + "threads that share syncs, \(Int64(raw.sequentialBytes).byteSize)/s in sequence.")
        }
        var benchmark = Benchmark(raw: raw, duration: .seconds(seconds)) {
            try await folder.makeStore(durability: sync.durability, memoryMappedBytes: memoryMappedBytes)
        }
        benchmark.isDurable = sync.durability == .everyCommit
        var rates: [String: Double] = [:]
        var table = Table(Measurement.columns)
        for name in names {
            guard let workload = Workload(name: name) else { continue }
            for var measurement in try await benchmark.run(name, workload, runs: runs) {
                measurement.budget = Budget.of(
                    measurement.name, raw: raw, rates: rates, cacheBytes: measurement.figure("caches_at_most_bytes"))
                rates[measurement.name] = measurement.eventsPerSecond
                try await StandardOutput.shared.write(
                    json ? measurement.line(peer: "daybook-embedded") : Array(table.text(of: [measurement.row]).utf8))
                if !json, let remark = measurement.remark { StandardError.line("  \(remark)") }
            }
        }
    }
}

/// The folder that a benchmark's stores are made in.
private struct BenchmarkFolder: Sendable {
    private let path: String

    init(in directory: String) throws {
        path = directory + "/daybook-bench-\(UUID().uuidString)"
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw CommandFailure(
                .cannotCreate, "The folder '\(path)' cannot be created (\(error)): choose another --directory.")
        }
    }

    func measureRawDisk() async throws -> RawDisk {
        let path = path
        return try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(with: Result { try RawDisk.measure(in: path) }) }
        }
    }

    func makeStore(durability: Durability, memoryMappedBytes: Int64) async throws -> any BenchmarkStore {
        let folder = path + "/" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var configuration = SQLiteEventStore.Configuration()
        configuration.durability = durability
        configuration.memoryMappedBytes = memoryMappedBytes
        let store = try await SQLiteEventStore.open(folder + "/bench.db", configuration: configuration)
        return EmbeddedStore(folder: folder, store: store, configuration: configuration)
    }

    // The system's own cleaning takes what is left.
    func remove() { try? FileManager.default.removeItem(atPath: path) }

    private struct EmbeddedStore: BenchmarkStore {
        let folder: String
        let store: SQLiteEventStore
        let configuration: SQLiteEventStore.Configuration

        var events: any EventStore { store }

        func figures() async throws -> [BenchmarkFigure] {
            let statistics = try await store.statistics(includingTables: true)
            var figures = [BenchmarkFigure(name: "file_bytes", value: Double(statistics.fileBytes))]
            func add(_ name: String, _ value: Double?) {
                if let value { figures.append(BenchmarkFigure(name: name, value: value)) }
            }
            add(
                "index_bytes",
                statistics.tables.map { tables in
                    tables.filter { $0.table.hasPrefix("index_") }.reduce(0) { $0 + Double($1.bytes) }
                })
            add("memory_bytes", ProcessMemory.residentBytes.map(Double.init))
            add("caches_at_most_bytes", Double(configuration.cacheBytesInAll))
            add("commit_mean_ms", statistics.writer?.commitMillisecondsMean)
            add("commit_p99_ms", statistics.writer?.commitMillisecondsP99)
            add("commit_longest_ms", statistics.writer?.commitMillisecondsLongest)
            add("index_slice_p99_ms", statistics.writer?.indexSliceMillisecondsP99)
            add("index_slice_longest_ms", statistics.writer?.indexSliceMillisecondsLongest)
            add("log_copy_longest_ms", statistics.writer?.walCheckpointMillisecondsLongest)
            return figures
        }

        /// The files as they are, which is how a killed process leaves them, are copied and opened, where there is room.
        func opensAfterCrash() async throws -> Duration? {
            let copy = folder + "/crashed.db"
            let files = FileManager.default
            let bytes = try files.attributesOfItem(atPath: store.path)[.size] as? Int64 ?? 0
            let free = try files.attributesOfFileSystem(forPath: folder)[.systemFreeSize] as? Int64 ?? 0
            guard free - bytes > 1 << 30 else { return nil }
            for suffix in ["", "-wal"] {
                try FileManager.default.copyItem(atPath: store.path + suffix, toPath: copy + suffix)
                // The copy is on the disk before it is opened: a log that was written over hours leaves no gigabytes to write.
                if let file = FileHandle(forUpdatingAtPath: copy + suffix) {
                    try file.synchronize()
                    try file.close()
                }
            }
            let start = ContinuousClock.now
            let opened = try await SQLiteEventStore.open(copy, configuration: configuration)
            let elapsed = ContinuousClock.now - start
            await opened.close()
            return elapsed
        }

        func close() async {
            await store.close()
            // The benchmark's folder is removed as a whole later.
            try? FileManager.default.removeItem(atPath: folder)
        }
    }
}
