import DaybookCore
import DaybookSQLite
import Foundation
import Testing

@Suite("An event that is damaged past telling its stream, type and tags")
struct UntoldEventTests {
    /// A closed store of which the last event of one stream is gone, and the index with it.
    private func damagedStore(_ path: String) async throws -> Position {
        var store = try await SQLiteEventStore.open(path, configuration: .faulty(nil, indexEntriesInMemory: 20))
        var last = Position.start
        for number in 0..<40 {
            let stream: StreamName = number < 20 ? "short-1" : "long-1"
            let result = try await store.append(
                [
                    NewEvent(
                        type: "Counted", data: [UInt8(number)], tags: [DaybookCore.Tag(unchecked: "kind:\(number % 2)")]
                    )
                ], to: stream)
            if number == 19 { last = result.position }
        }
        await store.close()
        let database = try RawDatabase(path)
        try database.execute(
            """
            DROP TABLE numbers; UPDATE events SET record = x'' WHERE position = \(last);
            DROP TABLE index_blocks; DROP TABLE index_segments
            """)
        database.close()
        store = try await SQLiteEventStore.open(path, configuration: .faulty(nil, indexEntriesInMemory: 20))
        await store.close()
        return last
    }

    @Test("keeps the log from being appended to, at every opening, since a version could be given twice")
    func refusesAppends() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path("log.daybook")
        let lost = try await damagedStore(path)
        for opening in 1...3 {
            let store = try await SQLiteEventStore.open(path, configuration: .faulty(nil, indexEntriesInMemory: 20))
            let failure = try await store.health(HealthPolicy()).file?.failure
            #expect(failure?.contains("position \(lost)") == true, "opening \(opening): \(String(describing: failure))")
            let error = await #expect(throws: AppendError.self, "opening \(opening)") {
                try await store.append([NewEvent(type: "Counted", data: [1])], to: "short-1")
            }
            if let error { #expect("\(error)".contains("position \(lost)"), "\(error)") }
            if opening == 2 { try await store.reindex() }
            await store.close()
        }
    }

    @Test("is come across by every filter, and by nothing that ends before it")
    func filters() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path("log.daybook")
        let lost = try await damagedStore(path)
        let store = try await SQLiteEventStore.open(path, configuration: .faulty(nil))
        let query = EventQuery(types: ["Counted"], tags: ["kind:0"])
        for filter in [
            EventFilter(tags: ["kind:0"]), EventFilter(types: ["Counted"]), EventFilter(types: ["NeverSeen"]),
            EventFilter(categories: ["long"]), EventFilter(query: query),
        ] {
            let error = await #expect(throws: ReadError.self, "\(filter)") {
                for try await _ in store.events(filter: filter) {}
            }
            guard case .corrupted(lost, _, path, _)? = error else {
                Issue.record("\(filter): \(String(describing: error)) does not name \(lost)")
                continue
            }
            if filter.types == ["NeverSeen"] { continue }
            let page = try await store.readPage(
                from: .end, direction: .backward, filter: filter, limit: 5)
            #expect(page.events.allSatisfy { $0.position > lost })
        }
        await store.close()
    }
}
