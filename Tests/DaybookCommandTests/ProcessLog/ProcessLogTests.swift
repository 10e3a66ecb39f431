import DaybookCore
import Foundation
import Testing

@testable import DaybookCommand

@Suite("A process log")
struct ProcessLogTests {
    private func events(xes text: String) async throws -> [ImportedEvent] {
        let folder = try TemporaryFolder()
        var source = XESSource(try folder.source(text), category: "case")
        var events: [ImportedEvent] = []
        while let event = try await source.next() { events.append(event) }
        return events
    }

    @Test("in XES keeps its attributes with their types, and those of the case in the first event")
    func xes() async throws {
        let events = try await events(
            xes: """
                <log><extension name="x"/><global scope="event"><string key="concept:name" value="?"/></global>
                <trace><string key="concept:name" value="7"/><int key="amount" value="5000"/>
                <event><string key="concept:name" value="A"/><date key="time:timestamp" value="2011-10-01T02:00:00.5+02:00"/>
                <float key="rate" value="1.10"/><float key="odd" value="NaN"/><boolean key="done" value="true"/>
                <string key="note" value="n"><int key="deep" value="1"/></string></event>
                <event><string key="concept:name" value="B"/></event></trace></log>
                """)
        #expect(events.map(\.stream) == ["case-7", "case-7"])
        #expect(events.map(\.event.type) == ["A", "B"])
        #expect(events.map(\.line) == [3, 6])
        #expect(
            String(decoding: events[0].event.data, as: UTF8.self)
                == #"{"case":{"concept:name":"7","amount":5000},"rate":1.10,"odd":"NaN","done":true,"note":{"value":"n","attributes":{"deep":1}}}"#
        )
        #expect(events[1].event.data == Array("{}".utf8))
        #expect(
            try EventMetadata(decoding: events[0].event.metadata).occurredAt == Timestamp("2011-10-01T00:00:00.5Z"))
    }

    @Test(
        "as a table may begin with a byte order mark, whole or in pieces, and has none elsewhere",
        arguments: [
            ("\u{FEFF}a,b,c\n1,2,2026-01-01T00:00:00Z\n", true), ("a,b,c\n1,2,2026-01-01T00:00:00Z\n", true),
            ("x\u{FEFF}a,b,c\n1,2,2026-01-01T00:00:00Z\n", false), ("\u{FEFF}", false), ("\u{FEFD}a,b,c\n", false),
        ])
    func byteOrderMark(text: String, isRead: Bool) async throws {
        for size in 1...4 {
            let bytes = Array(text.utf8)
            let pieces = stride(from: 0, to: bytes.count, by: size).map {
                Array(bytes[$0..<min($0 + size, bytes.count)])
            }
            var source = CSVSource(
                .pieces(pieces), category: "case", caseColumn: "a", activityColumn: "b", timeColumn: "c")
            guard isRead else {
                await #expect(throws: MalformedInput.self, "In pieces of \(size).") { _ = try await source.next() }
                continue
            }
            #expect(try await source.next()?.stream == "case-1", "In pieces of \(size).")
        }
    }

    @Test("in XES with a bad event names its line, and can be read on")
    func badEvents() async throws {
        let folder = try TemporaryFolder()
        let text = """
            <log><trace><string key="concept:name" value="7"/>
            <event><string key="concept:name" value="A"/></event>
            <event></event>
            <event><string key="concept:name" value="A"/><int key="n" value="x"/></event>
            <event><string key="concept:name" value="A"/><date key="time:timestamp" value="noon"/></event>
            <event><string key="concept:name" value="B"/></event></trace></log>
            """
        let store = InMemoryEventStore()
        var lines: [Int] = []
        var importer = LogImport(store: store, skipsBadLines: true)
        importer.report = { lines.append($0.line) }
        let totals = try await importer.run(XESSource(folder.source(text), category: "case"))
        #expect(lines == [3, 4, 5])
        #expect(totals == LogImport.Totals(events: 2, streams: 1, skipped: 3))
    }

    @Test("in CSV becomes events, and a bad row is told with its line")
    func csv() async throws {
        let folder = try TemporaryFolder()
        let text =
            "id,what,when,note,empty\n1,A,2011-10-11 13:45:40.276+02:00,\"x, y\",\n1,B\n1,C,never,,\n2,D,2011-10-12,,\n"
        func source() throws -> CSVSource {
            CSVSource(
                try folder.source(text), category: "permit", caseColumn: "id", activityColumn: "what",
                timeColumn: "when")
        }
        var strict = LogImport(store: InMemoryEventStore(), skipsBadLines: false)
        let error = await #expect(throws: MalformedInput.self) { try await strict.run(source()) }
        #expect(error?.line == 3)
        let store = InMemoryEventStore()
        var lenient = LogImport(store: store, skipsBadLines: true)
        let totals = try await lenient.run(source())
        #expect(totals == LogImport.Totals(events: 2, streams: 2, skipped: 2))
        let page = try await store.readPage(of: "permit-1", from: .start, direction: .forward, limit: 10)
        #expect(page.events.map { String(decoding: $0.data, as: UTF8.self) } == [#"{"note":"x, y"}"#])
    }

    @Test("with a column that is not there tells those that are")
    func missingColumn() async throws {
        let folder = try TemporaryFolder()
        var source = CSVSource(
            try folder.source("id,what\n"), category: "c", caseColumn: "id", activityColumn: "what", timeColumn: "when")
        let error = await #expect(throws: MalformedInput.self) { try await source.next() }
        #expect(error?.reason.contains("'id', 'what'") == true)
    }

    @Test("of loan applications gives the totals that its own header states")
    func loanApplications() async throws {
        guard let path = SharedData.path("eventlogs/bpic2012.xes.gz") else { return }
        var source = XESSource(try ByteSource.open(path), category: "loan")
        var counts: [StreamName: Int] = [:]
        var activities: [EventType: Int] = [:]
        while let event = try await source.next() {
            counts[event.stream, default: 0] += 1
            activities[event.event.type, default: 0] += 1
        }
        #expect(counts.count == 13_087)
        #expect(counts.values.reduce(0, +) == 262_200)
        #expect(counts.values.min() == 3)
        #expect(counts.values.max() == 175)
        #expect(activities.count == 24)
        #expect(activities["A_SUBMITTED"] == 13_087)
        #expect(activities["A_DECLINED"] == 7_635)
        #expect(activities["A_CANCELLED"] == 2_807)
        #expect(activities["A_APPROVED"] == 2_246)
    }

    @Test("of permit applications gives its known totals, in order, and a second time adds nothing")
    func permitApplications() async throws {
        guard let path = SharedData.path("eventlogs/receipt.csv.gz") else { return }
        let store = InMemoryEventStore()
        for round in 0..<2 {
            var importer = LogImport(store: store, skipsBadLines: false)
            let totals = try await importer.run(
                CSVSource(
                    ByteSource.open(path), category: "permit", caseColumn: "case:concept:name",
                    activityColumn: "concept:name", timeColumn: "time:timestamp"))
            #expect(totals == LogImport.Totals(events: 8577, repeated: round * 8577, streams: 1434))
        }
        var counts: [StreamName: Int] = [:]
        var types: [EventType: Int] = [:]
        for try await event in store.events() {
            counts[event.stream, default: 0] += 1
            types[event.type, default: 0] += 1
        }
        #expect(counts.count == 1434)
        #expect(counts.values.min() == 1)
        #expect(counts.values.max() == 25)
        #expect(types.count == 27)
        #expect(types["Confirmation of receipt"] == 1434)
    }
}
