import DaybookCore
import DaybookSQLite
import Exchange
import Testing

@Suite("Moments of the log")
struct MomentsTests {
    @Test("bound what 'exchange accounts' and 'exchange changes' compare, and what 'exchange rules' decides again")
    func moments() async throws {
        let exchange = try ExchangeProgram()
        let file = exchange.file("day.daybook")
        let store = try await SQLiteEventStore.open(file)
        let floor = TradingFloor(in: store, recording: .all)
        try await floor.cash.handle(.deposit(1_000), id: "A")
        try await floor.cash.handle(.hold(600, for: 1), id: "A")
        let noon = try await store.head()
        try await floor.cash.handle(.hold(300, for: 2), id: "A")
        try await floor.holdings.handle(.deposit(5, of: "X"), id: "B")
        await store.close()

        let changes = try await exchange.run("accounts", "--since", "p\(noon)", "--store", file)
        #expect(changes.status == 0, "\(changes.errors)")
        #expect(
            changes.output == """
                2 accounts changed.
                A
                    cash    0.10, of it 0.06 held → 0.10, of it 0.09 held
                    by      held 0.03 in cash  [cash-A@2, position 6]
                B
                    shares  none → 5 X
                    by      deposited 5 X  [holdings-B@0, position 7]

                """)
        let json = try await exchange.run(
            "accounts", "--since", "p0", "--as-of", "p\(noon)", "--json", "--store", file)
        #expect(json.output.contains(#""account":"A""#) && !json.output.contains(#""account":"B""#))
        #expect(try await exchange.run("accounts", "--since", "noon", "--store", file).status == 64)
        for (since, asOf) in [
            ("p\(noon)", "p1"), ("latest", "p1"), ("2026-01-06T00:00:00Z", "2026-01-05T00:00:00Z"),
            ("9999-01-01T00:00:00Z", "p1"), ("p\(noon)", "1999-01-01T00:00:00Z"),
        ] {
            let reversed = try await exchange.run("accounts", "--since", since, "--as-of", asOf, "--store", file)
            #expect(reversed.status == 64 && reversed.errors.contains("--since is \(since), which is later"))
        }
        for (since, asOf) in [("p\(noon)", "9999-01-01T00:00:00Z"), ("1999-01-01T00:00:00Z", "p\(noon)")] {
            #expect(try await exchange.run("accounts", "--since", since, "--as-of", asOf, "--store", file).status == 0)
        }

        let written = try await exchange.run("changes", "--since", "p\(noon)", "--store", file)
        #expect(
            written.output == """
                3 events of 3 streams, at positions 5 to 7
                STREAM           FROM  TO  EVENTS
                cash_commands-A     2   2  1 command.carriedOut
                cash-A              2   2  1 cash.held
                holdings-B          0   0  1 holdings.deposited

                """, "\(written.errors)")
        let until = try await exchange.run(
            "changes", "--since", "p0", "--as-of", "p\(noon)", "--json", "--store", file)
        #expect(
            until.output.contains(
                #"{"events":{"cash.deposited":1,"cash.held":1},"firstVersion":0,"lastVersion":1,"stream":"cash-A"}"#))
        #expect(!until.output.contains("holdings-B"))
        for since in ["9999-01-01T00:00:00Z", "p\(noon)"] {
            #expect(try await exchange.run("changes", "--since", since, "--as-of", "p1", "--store", file).status == 64)
        }

        for (bounds, differences) in [([], 2), (["--after", "p\(noon)"], 1), (["--through", "p\(noon)"], 1)] {
            let rules = try await exchange.run(["rules", "--margin", "50", "--json", "--store", file] + bounds)
            #expect(rules.output.contains(#""differences":\#(differences),"#), "\(rules.output) \(rules.errors)")
        }
        #expect(
            try await exchange.run("rules", "--margin", "50", "--after", "latest", "--store", file).status == 3)
    }
}
