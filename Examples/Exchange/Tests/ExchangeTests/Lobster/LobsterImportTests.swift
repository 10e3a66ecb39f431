import DaybookCore
import DaybookSQLite
import Exchange
import Foundation
import Testing

@Suite("An import")
struct LobsterImportTests {
    private static let seed = "1010,5,990,7\n"
    private static let lines = [
        "34200.1,1,1,7,990,1", "34200.2,1,2,10,1005,-1", "34200.3,4,2,4,1005,-1", "34200.4,5,0,3,1000,1",
        "34200.5,2,2,1,1005,-1", "34200.6,3,9,5,1010,-1", "34200.7,3,8,5,1020,-1", "34200.8,3,2,5,1005,-1",
        "34200.9,7,0,0,-1,-1",
    ]
    private static let quotes = [
        "1,990,7,1010,5", "2,990,7,1005,10", "3,990,7,1005,6", "4,990,7,1005,6", "5,990,7,1005,5", "6,990,7,1005,5",
        "7,990,7,1005,5", "8,990,7,,", "9,990,7,,",
    ]

    /// Imports lines into a store in batches of two, and returns the summary.
    private func run(
        _ lines: [String], into store: any EventStore, in folder: Folder, skipping: Bool = false,
        onBadLine: (LobsterImport.BadLine) -> Void = { _ in }
    ) async throws -> LobsterImport.Summary {
        let messages = try folder.write(lines.joined(separator: "\n") + "\n", to: "TEST_2026-01-05_message.csv")
        let seed = try folder.write(Self.seed, to: "TEST_2026-01-05_book.csv")
        var configuration = LobsterImport.Configuration(instrument: "TEST", session: "2026-01-05")
        configuration.messagesPerAppend = 2
        configuration.skipsBadLines = skipping
        return try await LobsterImport(configuration, into: store)
            .run(messages: messages, seedBook: seed, onBadLine: onBadLine)
    }

    private func export(_ store: any EventStore, in folder: Folder) async throws -> [String] {
        let path = folder.path + "/quotes.csv"
        let rows = try await QuoteExport(from: store).write("TEST", "2026-01-05", to: path)
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let lines = text.split(separator: "\n").map(String.init)
        #expect(lines.first == "seq,bid_price,bid_size,ask_price,ask_size")
        #expect(lines.count == rows + 1)
        return Array(lines.dropFirst())
    }

    @Test("records one event a message, and exports the quote after each")
    func records() async throws {
        let folder = try Folder()
        let store = InMemoryEventStore()
        let summary = try await run(Self.lines, into: store, in: folder)
        #expect(summary.recorded == 9)
        #expect(summary.takenFromOpening == 1)
        #expect(summary.ofUnknownOrders == 1)
        #expect(try await store.state(of: "book-TEST").lastVersion == 9)  // Version 0 is the opening.
        #expect(try await export(store, in: folder) == Self.quotes)
    }

    @Test("goes on where it was interrupted, wherever that was, and records nothing twice", arguments: 0...9)
    func resumes(interrupted: Int) async throws {
        let folder = try Folder()
        let store = InMemoryEventStore()
        if interrupted > 0 { _ = try await run(Array(Self.lines.prefix(interrupted)), into: store, in: folder) }
        let summary = try await run(Self.lines, into: store, in: folder)
        #expect(summary.recordedBefore == interrupted)
        #expect(summary.recorded == 9 - interrupted)
        #expect(try await store.state(of: "book-TEST").lastVersion == 9)
        #expect(try await export(store, in: folder) == Self.quotes)
    }

    @Test("stops at a bad line with its number and the reason, and goes on when the line is mended")
    func stops() async throws {
        let folder = try Folder()
        let store = InMemoryEventStore()
        var lines = Self.lines
        lines[5] = "34200.6,3,9,five,1010,-1"
        let error = await #expect(throws: LobsterImportError.self) { try await run(lines, into: store, in: folder) }
        guard case .badLine(_, 6, let reason) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason == "its size is 'five', which is not a number")
        _ = try await run(Self.lines, into: store, in: folder)
        #expect(try await export(store, in: folder) == Self.quotes)
    }

    @Test("skips bad lines when told so: lines it cannot read, times that go back, and reports that cannot be")
    func skips() async throws {
        let folder = try Folder()
        let store = InMemoryEventStore()
        var lines = Self.lines
        lines.insert("", at: 3)  // Line 4.
        lines.insert("34200.1,5,0,3,1000,1", at: 5)  // Line 6: earlier than the line above.
        lines.insert("34200.55,4,2,99,1005,-1", at: 7)  // Line 8: more than the order has.
        lines.insert("34200.56,1,2,9,1005,-1", at: 8)  // Line 9: an order that is there already.
        lines.append("34201,9,1,1,1,1")
        var bad: [LobsterImport.BadLine] = []
        let summary = try await run(lines, into: store, in: folder, skipping: true) { bad.append($0) }
        #expect(bad.map(\.line) == [4, 6, 8, 9, 14])
        #expect(summary.badLines == 5)
        #expect(summary.recorded == 9)
        #expect(bad.map(\.reason).contains("its time is before that of the line above"))
        let rows = try await export(store, in: folder)
        #expect(rows.map { $0.drop { $0 != "," } } == Self.quotes.map { $0.drop { $0 != "," } })
        #expect(rows.map { String($0.prefix { $0 != "," }) } == ["1", "2", "3", "5", "7", "10", "11", "12", "13"])
        let again = try await run(lines, into: store, in: folder, skipping: true)
        #expect(again.recorded == 0)
    }

    @Test("reads compressed files, and tells of a damaged one")
    func compressed() async throws {
        let folder = try Folder()
        let path = folder.path + "/TEST_2026-01-05_message.csv"
        _ = try folder.write("one\ntwo\nthree", to: "TEST_2026-01-05_message.csv")
        let gzip = Process()
        gzip.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        gzip.arguments = ["gzip", path]
        try gzip.run()
        gzip.waitUntilExit()
        var file = try LineFile(path: path + ".gz")
        var lines: [String] = []
        while let line = try file.next() { lines.append(String(decoding: line, as: UTF8.self)) }
        #expect(lines == ["one", "two", "three"])
        let damaged = try folder.write("not gzip", to: "damaged.gz")
        #expect(throws: FileProblem.self) {
            var file = try LineFile(path: damaged)
            while try file.next() != nil {}
        }
        #expect(throws: FileProblem.self) { _ = try LineFile(path: folder.path + "/absent.csv") }
    }

    @Test("refuses a book that was not imported, and an earlier session")
    func refuses() async throws {
        let folder = try Folder()
        let store = InMemoryEventStore()
        _ = try await run(Self.lines, into: store, in: folder)
        let messages = folder.path + "/TEST_2026-01-05_message.csv"
        let seed = folder.path + "/TEST_2026-01-05_book.csv"
        await #expect(throws: LobsterImportError.laterSession("2026-01-05", asked: "2026-01-02")) {
            try await LobsterImport(
                LobsterImport.Configuration(instrument: "TEST", session: "2026-01-02"), into: store
            ).run(messages: messages, seedBook: seed)
        }
        var round = Round()
        round.books["LIVE"] = [
            Instruction(.open(Opening(instrument: "LIVE", session: "2026-01-05")), EventMetadata())
        ]
        _ = try await TradingFloor(in: store).record(round, named: "live")
        await #expect(throws: LobsterImportError.otherSource(instrument: "LIVE")) {
            try await LobsterImport(
                LobsterImport.Configuration(instrument: "LIVE", session: "2026-01-05"), into: store
            ).run(messages: messages, seedBook: seed)
        }
    }

    @Test(
        "of an hour of AAPL gives 45,000 of 45,000 quotes, in two runs with a restart between",
        .enabled(if: SharedData.isPresent, "\(SharedData.absence)"))
    func truth() async throws {
        let folder = try Folder()
        var source = try LineFile(path: SharedData.messages)
        var part = ""
        while source.lineNumber < 17_321, let line = try source.next() {
            part += String(decoding: line, as: UTF8.self) + "\n"
        }
        let begun = try folder.write(part, to: "AAPL_2012-06-21_begun.csv")
        let configuration = LobsterImport.Configuration(instrument: "AAPL", session: "2012-06-21")
        let path = folder.path + "/aapl.daybook"
        var store = try await SQLiteEventStore.open(path)
        _ = try await LobsterImport(configuration, into: store).run(messages: begun, seedBook: SharedData.levels)
        await store.close()
        store = try await SQLiteEventStore.open(path)
        let summary = try await LobsterImport(configuration, into: store)
            .run(messages: SharedData.messages, seedBook: SharedData.levels)
        #expect(summary.recordedBefore == 17_321)
        #expect(summary.recorded == 27_679)

        var truth = try LineFile(path: SharedData.truth)
        var equal = 0
        let rows = try await QuoteExport(from: store).forEachQuote(of: "AAPL", in: "2012-06-21") { _, quote in
            let row = try LobsterBook(line: try #require(try truth.next()))
            if quote == Quote(bid: row.bids.first, ask: row.asks.first) { equal += 1 }
        }
        #expect(rows == 45_000)
        #expect(equal == 45_000)

        // A past moment by the venue's clock: the last message at or before 09:45 is in line 20,674.
        let history = BookHistory(in: store)
        let time = try #require(MarketMoment("2012-06-21T09:45:00Z"))
        let entry = try #require(try await history.book(of: "AAPL", asOf: time))
        #expect(entry.version == 20_674)
        #expect(try await history.book(of: "AAPL", asOf: .version(20_674))?.book == entry.book)
        await store.close()
    }
}

/// A folder that is removed with its last reference.
final class Folder: Sendable {
    let path = NSTemporaryDirectory() + "exchange-\(EventID())"

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ text: String, to name: String) throws -> String {
        try text.write(toFile: "\(path)/\(name)", atomically: true, encoding: .utf8)
        return "\(path)/\(name)"
    }
}
