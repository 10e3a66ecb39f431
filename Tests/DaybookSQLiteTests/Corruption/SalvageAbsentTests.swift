import DaybookCore
import DaybookSQLite
import Foundation
import Testing

@Suite("Salvage of a file of which events were scavenged and archived")
struct SalvageAbsentTests {
    private let directory: TemporaryDirectory
    private var path: String { directory.path("bank.daybook") }
    private var saved: String { directory.path("saved.daybook") }

    init() throws { directory = try TemporaryDirectory() }

    /// Two streams of 40 events in turn. Of the first one 30 are scavenged, and everything up to position 50 is archived.
    ///
    /// - Returns: The events that are left.
    private func fill() async throws -> [RecordedEvent] {
        let store = try await SQLiteEventStore.open(path, configuration: SQLiteEventStoreLawTests.small)
        for number in 0..<40 {
            for stream in ["a-1", "b-1"] as [StreamName] {
                try await store.append([NewEvent(type: "counted", data: [UInt8(number)])], to: stream)
            }
        }
        try await store.setRetention(Retention(maxCount: 10), of: "a-1")
        #expect(try await store.scavenge().events == 30)
        #expect(try await store.archive(through: 50).events == 25)
        let events = try await IndexTests.read(store)
        await store.close()
        return events
    }

    @Test("takes over what tells of them")
    func whole() async throws {
        let events = try await fill()
        let report = try await SQLiteEventStore.salvage(path, to: saved)
        #expect(report.isComplete && report.head == 81, "\(report)")
        #expect(report.savedEvents == 26)
        let store = try await SQLiteEventStore.open(saved)
        #expect(try await IndexTests.read(store) == events)
        #expect(try await store.state(of: "a-1").retention == Retention(maxCount: 10))
        try await store.append([NewEvent(type: "counted", data: [])], to: "a-1", expecting: .version(39))
        let verification = try await store.verify()
        #expect(verification.isSound && verification.scavenged == 30, "\(verification)")
        await store.close()
    }

    @Test("counts what was in an archive that is gone as lost, and nothing that was scavenged")
    func missingArchive() async throws {
        let events = try await fill()
        try FileManager.default.removeItem(atPath: path + ".archive-1-50")
        let report = try await SQLiteEventStore.salvage(path, to: saved)
        #expect(report.savedEvents + report.lostEvents == 51, "\(report)")
        #expect(report.lostPositions.allSatisfy { $0.first == $0.last && $0.last <= 50 })
        let store = try await SQLiteEventStore.open(saved)
        let page = try await store.readPage(from: .position(51), direction: .forward, filter: .everything, limit: 100)
        #expect(page.events == events.filter { $0.position > 50 })
        let verification = try await store.verify()
        #expect(Int64(verification.findings.count) == report.lostEvents, "\(verification)")
        await store.close()
    }
}
