import Foundation
import Testing

@Suite("exchange trade, work and reconcile")
struct WorkTests {
    private struct Counts: Decodable {
        var executions: Int
        var settled: Int
        var reversed: Int
        var open: Int
        var confirmations: Int
        var outstanding: [String]
        var faults: [String]
    }

    private func counts(_ outcome: ExchangeProgram.Outcome) throws -> Counts {
        try JSONDecoder().decode(Counts.self, from: Data(outcome.output.utf8))
    }

    @Test("trade now, settle later, and reconcile", .timeLimit(.minutes(3)))
    func laterWork() async throws {
        let exchange = try ExchangeProgram()
        let store = exchange.file("desk.daybook")
        for _ in 0..<2 {  // The second time, everything is known already.
            let traded = try await exchange.run(
                "trade", "--orders", "250", "--traders", "10", "--seed", "3", "--store", store)
            #expect(traded.status == 0, "\(traded.errors)")
            #expect(traded.output.hasPrefix("250 orders submitted"))
        }
        let before = try await exchange.run("reconcile", "--json", "--store", store)
        #expect(before.status == 1 && before.errors.contains("executions are not settled"), "\(before.errors)")
        let open = try counts(before)
        #expect(open.executions > 10 && open.open == open.executions && open.faults.isEmpty)
        let worked = try await exchange.run("work", "--until-done", "--member", "desk", "--store", store)
        #expect(worked.status == 0, "\(worked.errors)")
        #expect(worked.output == "'desk' works, until all is done.\n'desk' has given back its work.\n")
        let after = try await exchange.run("reconcile", "--json", "--store", store)
        #expect(after.status == 0, "\(after.errors)")
        let done = try counts(after)
        #expect(done.executions == open.executions && done.settled == done.executions && done.open == 0)
        #expect(done.confirmations == 2 * done.executions)
        #expect(try await exchange.run("reconcile", "--store", store).output.contains("All cash and shares are there"))
    }

    @Test(
        "say what is wrong with their arguments",
        arguments: [
            (["trade", "--orders", "0"], "ask for 1 to"), (["work", "--lease", "0"], "ask for 0.1 to"),
            (["work", "--member", ""], "has 0 bytes"), (["reconcile", "--wait=-1"], "ask for 0 to"),
        ])
    func arguments(_ arguments: [String], _ message: String) async throws {
        let exchange = try ExchangeProgram()
        let outcome = try await exchange.run(arguments + ["--store", exchange.file("x.daybook")])
        #expect(outcome.status == 64 && outcome.errors.contains(message), "\(outcome.errors)")
    }
}
