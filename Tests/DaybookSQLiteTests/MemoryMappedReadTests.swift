import DaybookCore
import DaybookSQLite
import Foundation
import Testing

@Suite("Memory-mapped reads")
struct MemoryMappedReadTests {
    #if os(Linux)
    @Test(
        "map the file for the readers when asked for, and give the same events; not otherwise",
        arguments: [0, 64 << 20])
    func maps(bytes: Int64) async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path("log.daybook")
        var store = try await SQLiteEventStore.open(path)
        let events = (0..<2000).map { NewEvent(type: "Counted", data: Array("number \($0)".utf8)) }
        try await store.append(events, to: "mapped-1", expecting: .noStream)
        await store.close()

        var configuration = SQLiteEventStore.Configuration()
        configuration.memoryMappedBytes = bytes
        store = try await SQLiteEventStore.open(path, configuration: configuration)
        var read: [EventID] = []
        for try await event in store.events() { read.append(event.id) }
        #expect(read == events.map(\.id))
        let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: "/proc/self/maps"))
        let maps = String(decoding: try file.readToEnd() ?? Data(), as: UTF8.self).split(separator: "\n")
        #expect(maps.contains { $0.hasSuffix(path) } == (bytes > 0))
        try await store.append([NewEvent(type: "Counted", data: [])], to: "mapped-1")
        #expect(try await store.readPage(of: "mapped-1", from: .end, direction: .backward, limit: 1).events.count == 1)
        await store.close()
    }
    #endif
}
