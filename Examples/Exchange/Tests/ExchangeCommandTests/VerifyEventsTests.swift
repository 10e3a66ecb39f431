import DaybookCore
import DaybookSQLite
import Testing

@Suite("exchange verify-events")
struct VerifyEventsTests {
    @Test("passes over the log of a cleared market, and lists by position what it cannot read")
    func verifies() async throws {
        let exchange = try ExchangeProgram()
        let file = exchange.file("market.daybook")
        #expect(try await exchange.run("clear", "--store", file).status == 0)
        let clean = try await exchange.run("verify-events", "--store", file)
        #expect(clean.status == 0, "\(clean.errors)")
        #expect(clean.output.contains("events can be read by this program."))

        let store = try await SQLiteEventStore.open(file)
        let written = try await store.append(
            [NewEvent(type: "margin.called", schemaVersion: 2, data: Array("{}".utf8))], to: "cash-ANNA")
        await store.close()
        let table = try await exchange.run("verify-events", "--store", file)
        #expect(table.status == 2)
        #expect(table.output.contains("\(written.position)  cash-ANNA@"))
        #expect(table.errors.contains("1 of "))
        let lines = try await exchange.run("verify-events", "--json", "--store", file)
        #expect(lines.status == 2)
        #expect(lines.output.contains(#""position":\#(written.position)"#))
        #expect(
            lines.output.contains(
                #"{"events":1,"failures":1,"kind":"type","schemaVersion":2,"type":"margin.called"}"#))
    }

    @Test("does not make a store that is not there")
    func missing() async throws {
        let exchange = try ExchangeProgram()
        #expect(try await exchange.run("verify-events", "--store", exchange.file("none")).status == 66)
    }
}
