import DaybookCore
import DaybookSQLite
import DaybookTesting
import Foundation
import Testing

@Suite("Moving a log", .timeLimit(.minutes(5)))
struct TransferTests {
    @Test("keeps every law in memory", arguments: TransferLaw.all)
    func inMemory(_ law: TransferLaw) async throws { try await law.check { InMemoryEventStore() } }

    @Test("keeps every law in a file", arguments: TransferLaw.all)
    func inFile(_ law: TransferLaw) async throws { try await law.check { try await SQLiteEventStore.temporary() } }

    @Test("keeps every law in a file with little memory", arguments: TransferLaw.all)
    func inSmallFile(_ law: TransferLaw) async throws {
        try await law.check { try await SQLiteEventStore.temporary(configuration: SQLiteEventStoreLawTests.small) }
    }

    private func event(_ number: Int) -> NewEvent {
        NewEvent(type: "changed", data: Array("\(number)".utf8), tags: [Tag(unchecked: "n:\(number % 50)")])
    }

    private func fill(_ store: any EventStore, _ count: Int) async throws {
        for start in stride(from: 0, to: count, by: 100) {
            var request = AppendRequest(commandID: CommandID(unchecked: "c\(start)"))
            for number in start..<start + 100 {
                request.append([event(number)], to: StreamName(unchecked: "stream-\(number % 100)"))
            }
            try await store.append(request)
        }
    }

    @Test("a file that took over a log is sound, also when it is opened anew")
    func verified() async throws {
        let source = InMemoryEventStore()
        try await fill(source, 5_000)
        let folder = FileManager.default.temporaryDirectory.appending(path: "daybook-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "log.daybook").path
        let target = try await SQLiteEventStore.open(path)
        try await LogTransfer(from: source, to: target).run()
        await target.close()
        let again = try await SQLiteEventStore.open(path)
        try await LogTransfer(from: source, to: again).compare()
        #expect(try await again.verify().findings.isEmpty)
        #expect(try await again.append([event(1)], to: "stream-1").position == 5_001)
        await again.close()
    }

    @Test("tells where two logs differ, and in what")
    func differences() async throws {
        let (source, target) = (InMemoryEventStore(), InMemoryEventStore())
        let events = (0..<5).map(event)
        for (index, event) in events.enumerated() {
            try await source.append([event], to: "a")
            var other = event
            if index == 3 { other.data = [1] }
            try await target.append([other], to: "a")
        }
        try await source.append([event(6)], to: "a")
        // Their clocks differ: the first events have different times.
        await #expect(throws: TransferError.self) { try await LogTransfer(from: source, to: target).compare() }
        let fixed = TimeSource { Timestamp(microseconds: 5) }
        let (left, right) = (InMemoryEventStore(time: fixed), InMemoryEventStore(time: fixed))
        for (index, event) in events.enumerated() {
            try await left.append([event], to: "a")
            var other = event
            if index == 3 { other.data = [1] }
            try await right.append([other], to: "a")
        }
        await #expect(
            throws: TransferError.differs(
                position: 4, reason: "the two events of a@3 have different data.")
        ) { try await LogTransfer(from: left, to: right).compare() }
        // One that is not the beginning of the other is not gone on with, where its end shows it.
        try await left.append([event(9)], to: "a")
        try await right.append([event(10)], to: "a")
        await #expect(throws: TransferError.self) { try await LogTransfer(from: left, to: right).run() }
        try await right.append([event(11)], to: "a")
        await #expect(
            throws: TransferError.differs(position: 7, reason: "the source ends at position 6.")
        ) { try await LogTransfer(from: left, to: right).run() }
    }

    @Test("tells which command has other results")
    func commands() async throws {
        let fixed = TimeSource { Timestamp(microseconds: 5) }
        let (left, right) = (InMemoryEventStore(time: fixed), InMemoryEventStore(time: fixed))
        let event = event(1)
        try await left.append([event], to: "a", commandID: "one")
        try await right.append([event], to: "a")
        await #expect(throws: TransferError.commandDiffers(command: "one")) {
            try await LogTransfer(from: left, to: right).compare()
        }
        try await LogTransfer(from: left, to: right).run()
        try await LogTransfer(from: left, to: right).compare()
    }

    @Test("refuses a log whose events were removed, by the position of the first one left")
    func scavenged() async throws {
        let source = try await SQLiteEventStore.temporary()
        try await source.append((0..<10).map(event), to: "a")
        try await source.append([event(11)], to: "b")
        try await source.append(AppendRequest(writes: [StreamWrite(stream: "a", action: .delete)]))
        _ = try await source.scavenge()
        let target = InMemoryEventStore()
        await #expect(throws: TransferError.notNext(position: 10, head: 0)) {
            try await LogTransfer(from: source, to: target).run()
        }
        await source.close()
    }
}
