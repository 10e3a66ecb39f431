import Testing

@Suite("exchange rebuild")
struct RebuildTests {
    @Test("tells what the second version makes different, switches to it when that is allowed, and back")
    func rebuilds() async throws {
        let exchange = try ExchangeProgram()
        let file = exchange.file("market.daybook")
        let soldOut = #""positions":{"ALDER":{"available":0,"held":0}}"#
        #expect(try await exchange.run("clear", "--store", file).status == 0)
        #expect(try await exchange.run("accounts", "--json", "--store", file).output.contains(soldOut))

        let refused = try await exchange.run("rebuild", "--store", file)
        #expect(refused.status == 1)
        #expect(refused.errors.contains("Building") && refused.errors.contains("1 documents differ, and 0 may"))
        #expect(
            refused.output.hasPrefix(
                """
                BEN  lost
                    was     0 ALDER
                    is now  no document
                    by      delivered 60 ALDER (ALDER#1)  [holdings-BEN@
                """))
        #expect(refused.output.contains("1 of 4 accounts differ: 0 added, 1 lost, 0 changed, 0 unsettled."))
        #expect(try await exchange.run("accounts", "--json", "--store", file).output.contains(soldOut))

        let switched = try await exchange.run("rebuild", "--allow", "1", "--json", "--store", file)
        #expect(switched.status == 0, "\(switched.errors)")
        #expect(switched.output.contains(#""account":"BEN""#))
        #expect(
            switched.output.hasSuffix(
                #"{"accounts":4,"added":0,"changed":0,"kind":"totals","lost":1,"unsettled":0}"# + "\n"))
        #expect(try await !exchange.run("accounts", "--json", "--store", file).output.contains(soldOut))
        let past = ["accounts", "--as-of", "p1000000", "--json", "--store", file]
        #expect(try await !exchange.run(past).output.contains(soldOut))

        #expect(try await exchange.run("rebuild", "--back", "--store", file).status == 0)
        #expect(try await exchange.run(past).output.contains(soldOut))
        #expect(try await exchange.run("accounts", "--json", "--store", file).output.contains(soldOut))
        #expect(try await exchange.run("rebuild", "--back", "--store", file).status == 1)
    }
}
