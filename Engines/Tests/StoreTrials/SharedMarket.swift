import Foundation
import Testing

/// The exchange in several processes on one store: one takes the orders, others settle, and some of them are killed.
public struct SharedMarket: Sendable {
    private let exchange: BuiltProgram
    private let store: String

    /// - Parameter store: An address that `exchange --store` takes, of an empty store.
    public init(on store: String) throws {
        exchange = try BuiltProgram("exchange")
        self.store = store
    }

    private struct Counts: Decodable {
        var executions: Int
        var settled: Int
        var confirmations: Int
        var outstanding: [String]
        var faults: [String]
    }

    private func worker(_ name: String) throws -> BuiltProgram.Running {
        try exchange.start("work", "--member", name, "--lease", "2", "--store", store)
    }

    private func reconcile(waiting seconds: Int = 0) async throws -> (outcome: BuiltProgram.Outcome, counts: Counts) {
        let outcome = try await exchange.run("reconcile", "--json", "--wait", String(seconds), "--store", store)
        return (outcome, try JSONDecoder().decode(Counts.self, from: Data(outcome.output.utf8)))
    }

    /// Trades, kills whoever has begun to settle, and then the next one; what they had in hand is settled by the last, once.
    public func run(orders: Int) async throws {
        var workers: [BuiltProgram.Running] = []
        func stop() { for worker in workers { worker.send(SIGKILL) } }
        do {
            // One after another: the first one leads.
            for name in ["first", "second", "third"] {
                let worker = try worker(name)
                workers.append(worker)
                try await until("'\(name)' works") { worker.written.contains("works") }
            }
            let trading = try exchange.start("trade", "--orders", String(orders), "--traders", "10", "--store", store)
            workers.append(trading)
            try await until("trades are settled") { try await reconcile().counts.settled >= 3 }
            workers[0].send(SIGKILL)
            #expect(try await workers[0].outcome().status == -1)
            let settled = try await reconcile().counts.settled
            try await until("others go on") { try await reconcile().counts.settled > settled }
            workers[1].send(SIGKILL)
            let traded = try await trading.outcome()
            #expect(traded.status == 0, "\(traded.errors)")
            let (outcome, counts) = try await reconcile(waiting: 120)
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(counts.faults.isEmpty && counts.outstanding.isEmpty)
            #expect(counts.executions > 10 && counts.settled == counts.executions)
            #expect(counts.confirmations == 2 * counts.executions)
            // The last one is told to end, and gives back its work.
            workers[2].send(SIGTERM)
            let last = try await workers[2].outcome()
            #expect(last.status == 0 && last.output.contains("has given back its work"), "\(last.errors)")
        } catch {
            stop()
            throw error
        }
        stop()
    }

    private func until(_ what: String, _ holds: () async throws -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(120)
        while try await !holds() {
            try #require(ContinuousClock.now < end, "not within 120 s: \(what)")
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}
