import DaybookCore
import DaybookSQLite
import Foundation
import Testing

@testable import DaybookCommand

@Suite("daybook health and daybook stats")
struct HealthCommandTests {
    /// A store of 30 events, of which a reader has seen 10.
    private func filled(_ file: String, reader: CheckpointName) async throws -> SQLiteEventStore {
        let store = try await SQLiteEventStore.open(file)
        for number in 0..<30 {
            try await store.append([NewEvent(type: "Counted", data: [])], to: StreamName(unchecked: "s-\(number)"))
        }
        try await store.save(Checkpoint(after: 10), for: reader)
        return store
    }

    @Test("look at a store that nobody has open, and at one that another process has")
    func looks() async throws {
        let folder = try TemporaryFolder()
        let file = folder.file("a.db")
        let store = try await filled(file, reader: "reader")
        for isOpen in [true, false] {
            if !isOpen { await store.close() }
            let well = try await Daybook.run("health", file)
            #expect(well.status == 0 && well.output.contains("Healthy: head 30"), "\(well.errors)")
            #expect(well.lines.contains { $0.hasPrefix("checkpoint  reader") && $0.contains("20") })
            let behind = try await Daybook.run("health", file, "--max-behind", "19", "--json")
            #expect(behind.status == 3 && behind.errors.contains("checkpoint 'reader': It is 20 positions behind"))
            #expect(behind.output.contains(#""healthy":false"#) && behind.output.contains(#""eventsBehind":20"#))
            // A time is text, as that of an event is.
            let checked = try #require(behind.output.firstRange(of: #""checkedAt":""#))
            #expect(Timestamp(behind.output[checked.upperBound...].prefix { $0 != "\"" }) != nil, "\(behind.output)")
            let ignored = try await Daybook.run("health", file, "--max-behind", "19", "--ignore", "reader")
            #expect(ignored.status == 0)
            let addressed = try await Daybook.run("health", "file:\(file)", "--json")
            #expect(addressed.status == 0 && addressed.output.contains(#""file":{"eventsNotIndexed""#))
            let full = try await Daybook.run("health", file, "--free-space-reserve", "\(Int64.max)")
            #expect(full.status == 3 && full.errors.contains("less than the reserve of \(Int64.max)"), "\(full)")
            let statistics = try await Daybook.run("stats", file, "--tables")
            #expect(statistics.status == 0, "\(statistics.errors)")
            #expect(
                statistics.lines.contains { $0.hasPrefix("events ") && $0.hasSuffix(" 30") }, "\(statistics.output)")
            #expect(statistics.output.contains("TABLES\n") && statistics.output.contains("index_blocks"))
            #expect(statistics.output.contains("CONNECTIONS") == !isOpen)
        }
        #expect(await DaybookCommand.status(of: ["health", file, "--max-behind", "-1"]) == 64)
        for seconds in ["-1", "nan", "inf", "1e300"] {
            #expect(await DaybookCommand.status(of: ["health", file, "--max-seconds-behind=\(seconds)"]) == 64)
        }
    }

    @Test("health gives metrics, of each consumer's lag too")
    func metrics() async throws {
        let folder = try TemporaryFolder()
        let file = folder.file("a.db")
        await (try await filled(file, reader: "a \"quick\" \\ reader")).close()
        let result = try await Daybook.run("health", file, "--metrics", "--max-behind", "19")
        #expect(result.status == 3)
        let store = "store=\"\(URL(fileURLWithPath: file).path)\""
        #expect(result.lines.contains("daybook_healthy{\(store)} 0"))
        #expect(result.lines.contains("daybook_head_position{\(store)} 30"))
        let labels = "{\(store)," + #"kind="checkpoint",consumer="a \"quick\" \\ reader"}"#
        #expect(result.lines.contains("daybook_consumer_position\(labels) 10"), "\(result.output)")
        #expect(result.lines.contains("daybook_consumer_lag_events\(labels) 20"))
        #expect(result.lines.contains { $0.hasPrefix("daybook_consumer_lag_seconds\(labels) ") })
        #expect(result.lines.contains("daybook_consumer_problems\(labels) 1"))
        // Nothing can be parked there.
        #expect(!result.output.contains("daybook_consumer_parked"))
        // Each value stands behind its help and its type.
        var known: Set<Substring> = []
        for line in result.lines where !line.isEmpty {
            let words = line.split(separator: " ")
            if line.hasPrefix("# TYPE ") { known.insert(words[2]) }
            if line.hasPrefix("#") { continue }
            #expect(known.contains(line.prefix { $0 != "{" && $0 != " " }), "\(line)")
            #expect(Double(words.last ?? "") != nil, "\(line)")
        }
        #expect(await DaybookCommand.status(of: ["health", file, "--json", "--metrics"]) == 64)
    }

    @Test("health gives metrics of a store on a server without those of a file")
    func metricsOfServer() {
        let health = StoreHealth(
            head: 30, checkedAt: Timestamp(microseconds: 2_500_000), consumers: [], problems: ["A server is offline."])
        let metrics = HealthMetrics(health, of: "postgres://shop:…@db1/shop").text.split(separator: "\n")
        let store = "{store=\"postgres://shop:…@db1/shop\"}"
        #expect(
            metrics.filter { !$0.hasPrefix("#") } == [
                "daybook_healthy\(store) 0", "daybook_head_position\(store) 30",
                "daybook_checked_timestamp_seconds\(store) 2.5",
            ])
    }

    @Test("append, import and bench take a durability, and refuse an unknown one")
    func durability() async throws {
        let folder = try TemporaryFolder()
        let file = folder.file("a.db")
        let weak = "may-lose-latest-on-power-loss"
        let appended = try await Daybook.run("append", file, "--stream", "s", "--type", "T", "--durability", weak)
        #expect(appended.status == 0, "\(appended.errors)")
        #expect(try await Daybook.run("read", file).output.contains("s@0"))
        let measured = try await Daybook.run(
            "bench", "--workload", "W1", "--seconds", "0.05", "--json", "--durability", weak)
        #expect(measured.status == 0 && measured.output.contains(#""durable":false"#), "\(measured.errors)")
        let unknown = try await Daybook.run("append", file, "--stream", "s", "--type", "T", "--durability", "none")
        #expect(unknown.status == 64 && unknown.errors.contains("every-commit"))
        // The help shows words that the option takes.
        let help = DaybookCommand.helpMessage(for: Append.self, columns: 400)
        #expect(help.contains("default: every-commit") && !help.contains("everyCommit"), "\(help)")
    }
}
