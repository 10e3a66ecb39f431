import DaybookCore
import DaybookSQLite
import DaybookTesting
import Foundation
import Testing

@Suite("Copying a log", .timeLimit(.minutes(5)))
struct LogCopyTests {
    @Test("keeps every law in memory", arguments: CopyLaw.all)
    func inMemory(_ law: CopyLaw) async throws { try await law.check { InMemoryEventStore() } }

    @Test("keeps every law in a file", arguments: CopyLaw.all)
    func inFile(_ law: CopyLaw) async throws { try await law.check { try await SQLiteEventStore.temporary() } }

    @Test("keeps every law in a file with little memory", arguments: CopyLaw.all)
    func inSmallFile(_ law: CopyLaw) async throws {
        try await law.check { try await SQLiteEventStore.temporary(configuration: SQLiteEventStoreLawTests.small) }
    }

    @Test("keeps every law in a store that gives positions of its own", arguments: CopyLaw.all)
    func inGaps(_ law: CopyLaw) async throws { try await law.check { GappedStore(dense: InMemoryEventStore()) } }

    @Test("finds its way between positions where pages are many, and results of commands are far behind")
    func changedPositions() async throws {
        let source = InMemoryEventStore()
        try await fill(source, 35_000)
        // An event that is there already: the result names the first one, which went by long ago.
        let first = try await source.readPage(from: .start, direction: .forward, filter: .everything, limit: 1).events
        let repeated = NewEvent(id: first[0].id, type: first[0].type, data: Array(first[0].data), tags: first[0].tags)
        let late = try await source.append(
            [repeated], to: first[0].stream, expecting: .noStream, commandID: "late")
        #expect(late.position == 1)
        let gapped = GappedStore(dense: InMemoryEventStore())
        let copy = LogCopy(from: source, to: gapped)
        #expect(copy.changesPositions && !LogCopy(from: source, to: InMemoryEventStore()).changesPositions)
        let end = try await copy.run()
        #expect(end.position == 35_000 && end.events == 35_000 && end.commands == 351)
        #expect(try await gapped.head() == 105_000)
        #expect(try await gapped.receipt(for: "late")?.position == 3)
        let compared = try await copy.compare()
        #expect(compared.events == 35_000 && compared.commands == 351)
        let again = try await copy.run()
        #expect(again.events == 0 && again.commands == 0)
        let back = InMemoryEventStore()
        try await LogCopy(from: gapped, to: back).run()
        try await LogCopy(from: source, to: back).compare()
        #expect(try await back.receipt(for: "late") == source.receipt(for: "late"))
    }

    @Test("tells that a target with other positions is no copy")
    func otherGaps() async throws {
        let fixed = TimeSource { Timestamp(microseconds: 5) }
        let (source, dense) = (InMemoryEventStore(time: fixed), InMemoryEventStore(time: fixed))
        let gapped = GappedStore(dense: dense)
        let copy = LogCopy(from: source, to: gapped)
        for number in 0..<5 {
            try await source.append([event(number)], to: "a", commandID: CommandID(unchecked: "c\(number)"))
        }
        try await copy.run()
        try await dense.append([event(6)], to: "a")
        await #expect(throws: LogCopyError.differs(position: 6, reason: "the source has no event there.")) {
            try await copy.compare()
        }
        try await copy.compare(through: 5)
        await #expect(
            throws: LogCopyError.differs(
                position: 18, reason: "the target ends there with a@5, which the source does not have.")
        ) { try await copy.run() }
        try await source.append([event(7)], to: "a")
        await #expect(
            throws: LogCopyError.differs(
                position: 6, reason: "the two events of a@5 have different identifiers, data, tags.")
        ) {
            try await copy.compare()
        }
        await #expect(throws: LogCopyError.self) { try await copy.run() }
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

    @Test("a file that is the copy of a log is sound, also when it is opened anew")
    func verified() async throws {
        let source = InMemoryEventStore()
        try await fill(source, 5_000)
        let folder = FileManager.default.temporaryDirectory.appending(path: "daybook-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "log.daybook").path
        let target = try await SQLiteEventStore.open(path)
        try await LogCopy(from: source, to: target).run()
        await target.close()
        let again = try await SQLiteEventStore.open(path)
        try await LogCopy(from: source, to: again).compare()
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
        await #expect(throws: LogCopyError.self) { try await LogCopy(from: source, to: target).compare() }
        let fixed = TimeSource { Timestamp(microseconds: 5) }
        let (left, right) = (InMemoryEventStore(time: fixed), InMemoryEventStore(time: fixed))
        for (index, event) in events.enumerated() {
            try await left.append([event], to: "a")
            var other = event
            if index == 3 { other.data = [1] }
            try await right.append([other], to: "a")
        }
        await #expect(
            throws: LogCopyError.differs(
                position: 4, reason: "the two events of a@3 have different data.")
        ) { try await LogCopy(from: left, to: right).compare() }
        // One that is not the beginning of the other is not gone on with, where its end shows it.
        try await left.append([event(9)], to: "a")
        try await right.append([event(10)], to: "a")
        await #expect(throws: LogCopyError.self) { try await LogCopy(from: left, to: right).run() }
        try await right.append([event(11)], to: "a")
        await #expect(
            throws: LogCopyError.differs(position: 7, reason: "the source ends at position 6.")
        ) { try await LogCopy(from: left, to: right).run() }
    }

    @Test("tells which command has other results")
    func commands() async throws {
        let fixed = TimeSource { Timestamp(microseconds: 5) }
        let (left, right) = (InMemoryEventStore(time: fixed), InMemoryEventStore(time: fixed))
        let event = event(1)
        try await left.append([event], to: "a", commandID: "one")
        try await right.append([event], to: "a")
        await #expect(throws: LogCopyError.commandDiffers(command: "one")) {
            try await LogCopy(from: left, to: right).compare()
        }
        try await LogCopy(from: left, to: right).run()
        try await LogCopy(from: left, to: right).compare()
        // One that only the copy knows is found, too; and one that ends early is no copy.
        try await right.append(AppendRequest(commandID: "two"))
        await #expect(throws: LogCopyError.commandDiffers(command: "two")) {
            try await LogCopy(from: left, to: right).compare()
        }
        try await left.append([event], to: "b")
        await #expect(throws: LogCopyError.differs(position: 2, reason: "the target has no event there.")) {
            try await LogCopy(from: left, to: right).compare()
        }
        let empty = InMemoryEventStore()
        await #expect(throws: LogCopyError.differs(position: 1, reason: "the target has no event there.")) {
            try await LogCopy(from: left, to: empty).compare(through: 1)
        }
    }

    @Test("takes read models that belong to its appends along, or is refused by them")
    func inlineModels() async throws {
        struct Counts: InlineReadModel {
            let name: ReadModelName = "counts"
            let filter = EventFilter.all
            var most = Int.max

            func apply(_ events: [RecordedEvent], to documents: inout any InlineDocuments) throws {
                let old = try documents.document("count").flatMap { Int(String(decoding: $0, as: UTF8.self)) } ?? 0
                struct TooMany: Error {}
                if old + events.count > most { throw TooMany() }
                try documents.set(Array("\(old + events.count)".utf8), for: "count")
            }
        }
        let source = InMemoryEventStore()
        try await fill(source, 500)
        for most in [Int.max, 100] {
            var configuration = SQLiteEventStore.Configuration()
            configuration.inlineReadModels = [Counts(most: most)]
            let target = try await SQLiteEventStore.temporary(configuration: configuration)
            if most == .max {
                try await LogCopy(from: source, to: target).run()
                try await LogCopy(from: source, to: target).compare()
                #expect(try await target.document("count", of: "counts") == Array("500".utf8))
            } else {
                await #expect(throws: LogCopyError.self) { try await LogCopy(from: source, to: target).run() }
                #expect(try await target.head() == .start)
                #expect(try await target.append([event(1)], to: "stream-0").version == 0)
            }
            await target.close()
        }
    }

    @Test("refuses a log whose events were removed, by the position of the first one left")
    func scavenged() async throws {
        let source = try await SQLiteEventStore.temporary()
        try await source.append((0..<10).map(event), to: "a")
        try await source.append([event(11)], to: "b")
        try await source.append(AppendRequest(writes: [StreamWrite(stream: "a", action: .delete)]))
        _ = try await source.scavenge()
        let target = InMemoryEventStore()
        await #expect(throws: LogCopyError.notNext(position: 10, head: 0)) {
            try await LogCopy(from: source, to: target).run()
        }
        await source.close()
    }
}
