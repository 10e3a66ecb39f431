import Testing

@Suite("exchange rules")
struct RulesTests {
    @Test("lists the orders of a cleared market that another position limit would have refused")
    func positionLimit() async throws {
        let exchange = try ExchangeProgram()
        let file = exchange.file("market.daybook")
        #expect(try await exchange.run("clear", "--record-commands", "--store", file).status == 0)
        let same = try await exchange.run("rules", "--position-limit", "100", "--json", "--store", file)
        #expect(same.status == 0 && same.output.contains(#""differences":0,"#), "\(same.errors)")
        let lower = try await exchange.run("rules", "--position-limit", "50", "--store", file)
        #expect(lower.status == 0, "\(lower.errors)")
        #expect(lower.output.contains("at most 50 shares of an instrument: "))
        #expect(lower.output.contains("3 were carried out, and are rejected now"))
        #expect(lower.output.contains("ANNA             1      60  carried out  rejected  60 shares of ALDER"))
        let json = try await exchange.run("rules", "--position-limit", "50", "--json", "--store", file)
        #expect(json.output.contains(#""positionLimit":50"#) && json.output.contains(#""quantity":60"#))
        #expect(try await exchange.run("rules", "--margin", "50", "--store", file).status == 3)
        for arguments in [[], ["--margin", "5", "--position-limit", "5"], ["--position-limit", "-1"]] {
            #expect(try await exchange.run(["rules", "--store", file] + arguments).status == 64)
        }
        let plain = exchange.file("plain.daybook")
        #expect(try await exchange.run("clear", "--store", plain).status == 0)
        let none = try await exchange.run("rules", "--position-limit", "50", "--store", plain)
        #expect(none.status == 3 && none.errors.contains("'exchange clear --record-commands'"), "\(none.errors)")
    }
}
