import DaybookCore
import DaybookSQLite
import Exchange
import Foundation
import Testing

@Suite("exchange publish")
struct PublishTests {
    private func lines(_ path: String) throws -> [[String: Any]] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
    }

    @Test("sends what is new, in order for each stream, and repairs a line that was torn")
    func publishes() async throws {
        let exchange = try ExchangeProgram()
        let (file, events) = (exchange.file("market.daybook"), exchange.file("events.ndjson"))
        #expect(try await exchange.run("clear", "--store", file).status == 0)
        let first = try await exchange.run("publish", "--to", events, "--store", file)
        #expect(first.status == 0, "\(first.errors)")
        let sent = try lines(events)
        #expect(first.output.hasPrefix("\(sent.count) events were sent"))
        let exported = try await exchange.run("export-events", "--store", file).output.split(separator: "\n")
        #expect(sent.count == exported.count && sent.count > 20)
        #expect(sent.allSatisfy { $0["specversion"] as? String == "1.0" && $0["source"] as? String == "/exchange" })
        #expect(Set(sent.compactMap { $0["id"] as? String }).count == sent.count)
        let streams = Dictionary(grouping: sent) { $0["subject"] as? String ?? "" }
        for (stream, events) in streams {
            let positions = events.compactMap { ($0["position"] as? String).flatMap { Int($0) } }
            #expect(positions == positions.sorted() && positions.count == events.count, "\(stream)")
        }

        // What a crash may leave: the line of an event that was not acknowledged.
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: events))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(#"{"data":{"torn"#.utf8))
        try handle.close()
        let store = try await SQLiteEventStore.open(file)
        try await TradingFloor(in: store).cash.handle(.deposit(1), id: "ZOE")
        await store.close()
        let second = try await exchange.run("publish", "--to", events, "--store", file)
        #expect(second.status == 0 && second.output.hasPrefix("1 events were sent"), "\(second.errors)")
        #expect(try lines(events).count == sent.count + 1)
        #expect(try lines(events).last?["subject"] as? String == "cash-ZOE")
    }

    @Test("stops a stream that readers cannot follow, and goes on when they can")
    func lowers() async throws {
        let exchange = try ExchangeProgram()
        let (file, events) = (exchange.file("bonds.daybook"), exchange.file("slow.ndjson"))
        let store = try await SQLiteEventStore.open(file)
        let books = TradingFloor(in: store).books
        let terms = BondTerms(
            issuer: "MAPLE", faceValue: .dollars(1_000), couponRate: 500, couponsPerYear: 2, issued: "2021-11-15",
            maturity: "2031-11-15")
        let bond = Opening(instrument: "TREE", session: "2026-01-05", kind: .bond(terms: terms))
        try await books.handle(.open(bond), id: "TREE")
        try await books.handle(.report(.auctioned(300_000, 1)), id: "TREE")
        try await books.handle(.open(Opening(instrument: "ALDER", session: "2026-01-05")), id: "ALDER")
        await store.close()
        let options = ["publish", "--to", events, "--name", "slow", "--store", file]
        let stopped = try await exchange.run(options + ["--lower", "book.opened=1"])
        #expect(stopped.status == 1 && stopped.output.contains("book-TREE"), "\(stopped.errors)")
        #expect(try lines(events).map { $0["subject"] as? String } == ["book-ALDER"])
        #expect(try lines(events).first?["schemaversion"] as? String == "1")
        let replayed = try await exchange.run(options + ["--replay", "book-TREE"])
        #expect(replayed.status == 0, "\(replayed.errors)")
        #expect(try lines(events).map { $0["subject"] as? String } == ["book-ALDER", "book-TREE", "book-TREE"])
        #expect(try lines(events)[1]["schemaversion"] as? String == "2")
        let unknown = try await exchange.run(options + ["--replay", "book-NONE"])
        #expect(unknown.status == 3 && unknown.errors.contains("book-NONE"), "\(unknown.errors)")
        #expect(try await exchange.run(options + ["--lower", "book.gone=1"]).status == 64)
        let nowhere = exchange.file("none/events.ndjson")
        #expect(try await exchange.run("publish", "--to", nowhere, "--store", file).status == 73)
    }

    @Test("touches no file but its own")
    func others() async throws {
        let exchange = try ExchangeProgram()
        let file = exchange.file("market.daybook")
        #expect(try await exchange.run("clear", "--store", file).status == 0)
        let before = try Data(contentsOf: URL(fileURLWithPath: file))
        let store = try await exchange.run("publish", "--to", file, "--store", file)
        #expect(store.status == 73 && store.errors.contains("belongs to the store"), "\(store.errors)")
        #expect(try Data(contentsOf: URL(fileURLWithPath: file)).count >= before.count)
        #expect(try await exchange.run("verify-events", "--store", file).status == 0)
        for text in ["my diary", "{\"date\": 3}\n", "{\"data\":{}}\nmy diary"] {
            let other = exchange.file("other.txt")
            try Data(text.utf8).write(to: URL(fileURLWithPath: other))
            let refused = try await exchange.run("publish", "--to", other, "--store", file)
            #expect(refused.status == 73 && refused.errors.contains("no cloud events"), "\(refused.errors)")
            #expect(try String(contentsOfFile: other, encoding: .utf8) == text)
        }
        let full = try await exchange.run("publish", "--to", "/dev/full", "--store", file)
        #expect(full.status == 73 && full.errors.contains("No space left"), "\(full.errors)")
        #expect(full.output.isEmpty)
        let events = exchange.file("events.ndjson")
        #expect(try await exchange.run("publish", "--to", events, "--store", file).status == 0)
        #expect(try lines(events).count > 20)
    }
}
