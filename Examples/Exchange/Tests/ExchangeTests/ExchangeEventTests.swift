import Daybook
import DaybookCore
import DaybookTesting
import Exchange
import Foundation
import Testing

@Suite("The exchange's whole log, read by this program")
struct ExchangeEventTests {
    private typealias Kind = DecodingReport.Kind

    @Test("has no event that it cannot read: trades that are cleared, recorded commands", arguments: TestStore.all)
    func reads(_ make: TestStore) async throws {
        let clock = MarketClock(at: ScriptedMarket.opening)
        let store = try await make(time: clock.source)
        try await ScriptedMarket(in: store, models: store, clock: clock).play { _ in }
        let accounts = CommandHandler(CashAccount.self, in: store, category: CashAccount.category, recording: .all)
        try await accounts.handle(.deposit(7), id: "EVE")
        _ = try? await accounts.handle(.withdraw(8), id: "EVE")
        let report = try await DecodingReport(reading: ExchangeEvent.self, from: store, filter: .all)
        #expect(report.failures.isEmpty)
        var counts: [EventType: Int] = [:]
        for try await event in store.events(filter: .all) { counts[event.type, default: 0] += 1 }
        #expect(counts == Dictionary(report.eventCounts.map { ($0.key.type, $0.value) }, uniquingKeysWith: +))
        for type: EventType in [
            "book.executed", "cash.transferredIn", "holdings.returned", "position.reserved", "clearing.reversed",
            "process.sent", "process.deadlinePassed", "processProgress.advanced", "command.carriedOut",
            "command.rejected",
        ] {
            #expect(counts[type] ?? 0 > 0, "\(type)")
        }
    }

    @Test("is of no type or version that is locked and cannot be read", arguments: TestStore.all)
    func locked(_ make: TestStore) async throws {
        let store = try await make()
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../schema.lock.json")
        let entries = try SchemaLock(parsing: Data(contentsOf: file)).entries
        #expect(entries.count > 40)
        for entry in entries {
            try await store.append(
                [NewEvent(type: entry.type, schemaVersion: entry.schemaVersion, data: entry.sample.bytes)],
                to: StreamName(category: entry.category ?? "samples", id: "1"))
        }
        let report = try await DecodingReport(reading: ExchangeEvent.self, from: store, filter: .all)
        #expect(report.failures.isEmpty)
        #expect(report.eventCounts.values.reduce(0, +) == entries.count)
    }

    @Test("tells each event that it cannot read, where it stands and why", arguments: TestStore.all)
    func failures(_ make: TestStore) async throws {
        let store = try await make()
        try await CommandHandler(CashAccount.self, in: store, category: CashAccount.category)
            .handle(.deposit(7), id: "A")
        let news = [
            NewEvent(type: "margin.called", data: Array("{}".utf8)),
            NewEvent(type: "cash.deposited", schemaVersion: 9, data: Array(#"{"amount":1}"#.utf8)),
            NewEvent(type: "cash.deposited", data: Array(#"{"amount":"much"}"#.utf8)),
            NewEvent(type: "cash.deposited", data: Array(#"{"sum":1}"#.utf8)),
        ]
        try await store.append(news, to: "cash-B")
        let report = try await DecodingReport(
            reading: ExchangeEvent.self, from: store, filter: .all, keepingFirst: 3)
        #expect(report.failures.map(\.position) == [2, 3, 4])
        #expect(report.failures.first?.cause == .unknownType)
        #expect(report.failures.dropFirst().first?.cause == .newerSchema(known: 1))
        #expect(
            report.failureCounts == [
                Kind(type: "margin.called", schemaVersion: 1): 1, Kind(type: "cash.deposited", schemaVersion: 9): 1,
                Kind(type: "cash.deposited", schemaVersion: 1): 2,
            ])
        #expect(report.eventCounts[Kind(type: "cash.deposited", schemaVersion: 1)] == 3)
    }
}
