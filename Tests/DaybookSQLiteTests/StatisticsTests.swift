import DaybookCore
import Foundation
import Testing

@testable import DaybookSQLite

@Suite("The statistics of a store")
struct StatisticsTests {
    @Test("count what was written, table by table and level by level")
    func counts() async throws {
        var configuration = SQLiteEventStore.Configuration()
        configuration.indexEntriesInMemory = 200
        let store = try await SQLiteEventStore.temporary(configuration: configuration)
        for number in 0..<300 {
            try await store.append(
                [NewEvent(type: "Counted", data: Array(repeating: 1, count: 2000), tags: ["a:b"])],
                to: StreamName(unchecked: "s-\(number % 40)"), commandID: CommandID(unchecked: "c-\(number)"))
        }
        try await store.save(Checkpoint(after: 3), for: "reader")
        for try await _ in store.events() {}
        // Nothing of the index is left to be written behind the commits.
        try await store.reindex()
        var statistics = try await store.statistics(includingTables: true)
        // Segments are still put together behind the commits.
        var before: [TableStatistics]?
        while before != statistics.tables {
            before = statistics.tables
            statistics = try await store.statistics(includingTables: true)
        }
        #expect(statistics.events == 300 && statistics.streams == 40 && statistics.commands == 300)
        #expect(statistics.indexLevels.reduce(0) { $0 + $1.blocks } == statistics.indexBlocks)
        #expect(statistics.indexLevels.reduce(0) { $0 + $1.segments } == statistics.indexSegments)
        #expect(statistics.indexLevels.reduce(0) { $0 + $1.positions } == statistics.indexedThrough.rawValue)
        let writer = try #require(statistics.writer)
        #expect(
            writer.appends == 300 && writer.derivedChanges == 1 && writer.commits == 301 && writer.largestGroup == 1)
        #expect(writer.commitMillisecondsP50 > 0 && writer.commitMillisecondsP50 <= writer.commitMillisecondsP99)
        #expect(writer.commitMillisecondsP99 <= writer.commitMillisecondsLongest)
        #expect(writer.indexSliceMillisecondsLongest > 0 && writer.walPages > 0)
        #expect(statistics.connections.first?.connection == "writer" && statistics.connections.count > 1)
        #expect(statistics.connections.allSatisfy { $0.cacheBytes > 0 && $0.cacheHits > 0 })
        #expect(statistics.connections.reduce(0) { $0 + $1.namesCached } >= 40)

        let tables = Dictionary(uniqueKeysWithValues: try #require(statistics.tables).map { ($0.table, $0) })
        let connection = try Connection(observing: store.path, fileSystem: nil)
        for table in ["events", "names", "commits", "index_blocks", "index_segments", "checkpoints"] {
            #expect(tables[table]?.rows == (try connection.integer("SELECT count(*) FROM \(table)")), "\(table)")
        }
        #expect((tables["events"]?.payloadBytes ?? 0) > 600_000)
        let pages = try connection.integer("PRAGMA page_count") ?? 0
        #expect(tables.values.reduce(0) { $0 + $1.bytes } <= pages * 4096)

        let beside = try await SQLiteEventStore.statistics(ofFile: store.path, includingTables: true)
        #expect(beside.events == 300 && beside.tables == statistics.tables && beside.writer == nil)
        #expect(try await store.statistics().tables == nil)
        await store.close()
    }

    @Test("tell values within an eighth")
    func histogram() {
        var generator = SeededGenerator(seed: FaultSeed.value)
        var values: [Int64] = []
        for _ in 0..<2000 {
            let bits = Int64.random(in: 0..<63, using: &generator)
            values.append(Int64.random(in: 0...(Int64.max >> bits), using: &generator))
        }
        var histogram = Histogram()
        for value in values { histogram.add(value) }
        values.sort()
        for share in [0.001, 0.25, 0.5, 0.9, 0.99, 1] {
            let exact = values[Int((2000 * share).rounded(.up)) - 1]
            let told = histogram.value(atOrAbove: share)
            #expect(told >= exact && Double(told) <= Double(exact) * 1.125 + 1, "\(share): \(told) for \(exact)")
        }
        #expect(histogram.largest == values.last && Histogram().value(atOrAbove: 0.5) == 0)
    }
}
