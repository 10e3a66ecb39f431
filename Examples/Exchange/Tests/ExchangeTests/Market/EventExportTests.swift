import Daybook
import DaybookCore
import DaybookTesting
import Exchange
import Testing

@Suite("Events for programs outside")
struct EventExportTests {
    private func recorded(_ version: UInt32, _ data: [UInt8]) -> RecordedEvent {
        RecordedEvent(
            id: EventID(), type: "book.opened", schemaVersion: version, contentType: .json, data: data[...],
            metadata: [],
            tags: [], stream: "book-X", version: 0, position: 7, recordedAt: Timestamp(microseconds: 0))
    }

    @Test("are in today's version, or in the one that the reader knows, whatever they were recorded in")
    func versions() throws {
        let today = try JSONEventCodec<OrderBook.Event>().encode(
            .opened(instrument: "X", session: "2026-01-05", bids: [], asks: [], kind: .share))
        guard case .object(var data) = try JSONValue(parsing: today.data) else { return }
        data["kind"] = nil
        let former = JSONValue.object(data).bytes
        for event in [recorded(1, former), recorded(2, today.data)] {
            let exported = try EventExport().events(of: event)
            #expect(exported.map(\.schemaVersion) == [2])
            #expect(try exported.map { try JSONValue(parsing: $0.data) } == [JSONValue(parsing: today.data)])
            let lowered = try EventExport(versions: ["book.opened": 1]).events(of: event)
            #expect(lowered.map(\.schemaVersion) == [1])
            #expect(try lowered.map { try JSONValue(parsing: $0.data) } == [.object(data)])
        }
    }

    @Test("are not left out when an older version cannot express them")
    func bond() throws {
        let event = recorded(2, try JSONEventCodec<OrderBook.Event>().encode(MapleBond.opened("2026-01-05")).data)
        #expect(
            throws: DowncastError.notExpressible(
                type: "book.opened", version: 1, position: 7, reason: "it opens a book of something else than shares.")
        ) { try EventExport(versions: ["book.opened": 1]).events(of: event) }
        #expect(try EventExport().events(of: event).count == 1)
    }

    @Test("are of every type that the exchange records, but for those that it records for itself")
    func types() throws {
        #expect(EventExport.exportedTypes.union(EventExport.internalTypes) == ExchangeEvent.eventTypes)
        #expect(try EventExport.published(source: "/exchange").types == EventExport.exportedTypes)
        #expect(EventExport.exportedTypes.prefixes.isDisjoint(with: EventExport.internalTypes.prefixes))
        let versions = try EventExport.currentVersions()
        #expect(versions["book.opened"] == 2 && versions["cash.held"] == 1 && versions["process.sent"] == nil)
    }

    @Test("are an error where this program does not know the type")
    func unknown() throws {
        let event = RecordedEvent(
            id: EventID(), type: "margin.called", schemaVersion: 1, contentType: .json, data: [], metadata: [],
            tags: [], stream: "cash-A", version: 3, position: 9, recordedAt: Timestamp(microseconds: 0))
        #expect(
            throws: DowncastError.undecodable(EventDecodingError(event, as: "ExchangeEvent", cause: .unknownType))
        ) { try EventExport().events(of: event) }
    }

    @Test("are all of a market's own, and no records of commands and processes", arguments: TestStore.all)
    func market(_ make: TestStore) async throws {
        let clock = MarketClock(at: ScriptedMarket.opening)
        let store = try await make(time: clock.source)
        try await ScriptedMarket(in: store, models: store, clock: clock).play { _ in }
        var types: [EventType: Int] = [:]
        for try await event in store.events(filter: .all) {
            let exported = try EventExport().events(of: event)
            let isOwn = !["process", "processProgress", "command"].contains { event.type.rawValue.hasPrefix($0 + ".") }
            #expect(exported.map(\.type) == (isOwn ? [event.type] : []))
            types[event.type, default: 0] += 1
        }
        #expect(types["process.sent"] ?? 0 > 0 && types["book.opened"] ?? 0 > 0)
    }
}
