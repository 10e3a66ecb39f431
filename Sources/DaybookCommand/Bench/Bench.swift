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
              W8-100k   W1 and W4 with 100,000 events stored; also W8-1M and, only when named, W8-10M
              W9        1 writer, batches of 10,000
              W10-1     append with two tags and a condition on them; also W10-128 with 128 writers

            EXAMPLES
              daybook bench
              daybook bench --workload W1,W2-32 --runs 5 --json --directory /var/lib/daybook
            """)

    @Option(help: "Which workloads, parted by commas; W2 stands for W2-32 and W2-128.") var workload: String?
    @Option(help: "The folder in which stores are made; on the disk to be measured.", completion: .directory)
    var directory: String?
    @Option(help: "How long each workload runs, in seconds.") var seconds = 3.0
    @Option(help: "How often each workload runs; the run with the middle rate counts.") var runs = 1
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
                    + "64, \(Int64(raw.sequentialBytes).byteSize)/s in sequence.")
        }
        var benchmark = Benchmark(raw: raw, duration: .seconds(seconds)) {
            try await folder.makeStore(durability: sync.durability)
        }
        benchmark.isDurable = sync.durability == .everyCommit
        var single: Double?
        var table = Table(Measurement.columns)
        for name in names {
            guard let workload = Workload(name: name) else { continue }
            var measured: [[Measurement]] = []
            for _ in 0..<runs { measured.append(try await benchmark.run(name, workload)) }
            for index in measured[0].indices {
                guard var median = Measurement.median(measured.map { $0[index] }) else { continue }
                if name == "W1" { single = median.eventsPerSecond }
                median.budget = Budget.of(name, raw: raw, single: single)
                try await StandardOutput.shared.write(
                    json ? median.line(peer: "daybook-embedded") : Array(table.text(of: [median.row]).utf8))
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

    func makeStore(durability: Durability) async throws -> any BenchmarkStore {
        let folder = path + "/" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let store = try await openStore(folder + "/bench.db", creates: true, durability: durability)
        return EmbeddedStore(folder: folder, store: store)
    }

    // The system's own cleaning takes what is left.
    func remove() { try? FileManager.default.removeItem(atPath: path) }

    private struct EmbeddedStore: BenchmarkStore {
        let folder: String
        let store: SQLiteEventStore

        var events: any EventStore { store }

        func close() async {
            await store.close()
            // The benchmark's folder is removed as a whole later.
            try? FileManager.default.removeItem(atPath: folder)
        }
    }
}
