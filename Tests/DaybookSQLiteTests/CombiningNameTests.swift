import DaybookCore
import DaybookSQLite
import Testing

@Suite("The settings of a stream whose name begins with a combining mark")
struct CombiningNameTests {
    /// In the name of its control stream the mark makes one character with the `$` in front of it.
    private let marked: StreamName = "\u{301}a-1"
    /// The same without the mark.
    private let plain: StreamName = "a-1"

    private func events(_ count: Int) -> [NewEvent] {
        (0..<count).map { NewEvent(type: "t", data: [UInt8($0)]) }
    }

    @Test("are its own after an opening, and with an index built anew")
    func opening() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("log.daybook")
        var store = try await SQLiteEventStore.open(path)
        try await store.append(events(1), to: plain)
        try await store.append(events(1), to: marked)
        try await store.tombstone(marked)
        for _ in 0..<2 {
            await store.close()
            store = try await SQLiteEventStore.open(path)
            #expect(try await store.state(of: marked).status == .tombstoned)
            #expect(try await store.state(of: plain).status == .live)
            try await store.reindex()
        }
        #expect(try await store.verify().isSound)
        await store.close()
    }

    @Test("do not keep the file from being opened when there is no other such stream")
    func alone() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("log.daybook")
        let first = try await SQLiteEventStore.open(path)
        try await first.append(events(2), to: marked)
        try await first.delete(marked)
        await first.close()
        let store = try await SQLiteEventStore.open(path)
        #expect(try await store.state(of: marked).status == .deleted)
        await store.close()
    }

    @Test("have its own events scavenged, and nobody else's")
    func scavenging() async throws {
        let folder = try TemporaryFolder()
        let store = try await SQLiteEventStore.open(folder.path("log.daybook"))
        try await store.append(events(3), to: plain)
        try await store.append(events(3), to: marked)
        try await store.setRetention(Retention(maxCount: 1), of: marked)
        let report = try await store.scavenge()
        #expect(report.events == 2)
        #expect(try await IndexTests.read(store).map(\.position) == [1, 2, 3, 6, 7])
        await store.close()
    }
}
