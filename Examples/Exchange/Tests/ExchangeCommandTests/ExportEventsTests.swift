import DaybookCore
import DaybookSQLite
import Testing

@Suite("exchange export-events")
struct ExportEventsTests {
    @Test("ends before an event of a type that it does not know, and goes on behind it")
    func unknown() async throws {
        let exchange = try ExchangeProgram()
        let file = exchange.file("market.daybook")
        #expect(try await exchange.run("clear", "--store", file).status == 0)
        let all = try await exchange.run("export-events", "--store", file)
        #expect(all.status == 0 && all.output.contains(#""type":"book.opened""#), "\(all.errors)")
        #expect(!all.output.contains(#""type":"process"#))

        let store = try await SQLiteEventStore.open(file)
        let written = try await store.append([NewEvent(type: "margin.called", data: Array("{}".utf8))], to: "cash-ANNA")
        await store.close()
        let ended = try await exchange.run("export-events", "--store", file)
        #expect(ended.status == 2 && ended.output == all.output)
        #expect(ended.errors.contains("'margin.called'") && ended.errors.contains("position \(written.position)"))
        let rest = try await exchange.run("export-events", "--after", "\(written.position)", "--store", file)
        #expect(rest.status == 0 && rest.output.isEmpty)
    }

    @Test("refuses to lower a type that is not written, and to a version that is not there")
    func lower() async throws {
        let exchange = try ExchangeProgram()
        for (lower, message) in [
            ("book.closed=1", "'book.closed', which the exchange does not write"),
            ("process.sent=1", "'process.sent', which the exchange does not write"),
            ("book.opened=3", "version 3 of 'book.opened', which is written in version 2"),
            ("cash.held=2", "give 1 to 1."), ("cash.held=0", "cash.held=0"),
        ] {
            let refused = try await exchange.run(
                "export-events", "--lower", lower, "--store", exchange.file("none"))
            #expect(refused.status == 64 && refused.errors.contains(message), "\(refused.errors)")
        }
        let accepted = try await exchange.run(
            "export-events", "--lower", "book.opened=1", "--lower", "cash.held=1", "--store", exchange.file("none"))
        #expect(accepted.status == 66)
    }
}
