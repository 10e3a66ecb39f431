import Daybook
import DaybookCore
import DaybookSQLite
import Foundation
import Testing

// The samples of "Keep read models" stand here between marks; `scripts/check-samples` compares them with the article.

@Suite("The guide to read models", .timeLimit(.minutes(1)))
struct KeepReadModelsTests {
    @Test("runs")
    func readModels() async throws {
        let store = try await SQLiteEventStore.temporary()
        let accounts = CommandHandler(CashAccount.self, in: store, category: "account")
        typealias Balances = KeepReadModelsSamples.Balances

        // sample: run a projection
        let runner = ProjectionRunner(Balances(), of: store, in: store)
        let running = Task { try await runner.run() }

        let receipt = try await accounts.handle(.deposit(amount: 100), id: "42")
        try await runner.readModel.wait(for: receipt.position)
        let balance = try await runner.readModel.document("account-42")
        // end of sample
        #expect(balance?.amount == 100)
        running.cancel()
        try await running.value

        let sharing = Task {
            // sample: share a projection
            let election = LeaderElection("balances", in: store, lease: .seconds(10))
            try await election.run { try await runner.run() }
            // end of sample
        }
        let other = try await accounts.handle(.deposit(amount: 1), id: "43")
        try await ReadModel(Balances(), of: store, in: store).wait(for: other.position)
        sharing.cancel()
        try await sharing.value

        // sample: park keys
        let careful = ProjectionRunner(Balances(), of: store, in: store, failurePolicy: .parkKeys(limit: 100))
        // end of sample
        _ = try await careful.catchUp()

        // sample: resume keys
        for parked in try await careful.parkedKeys() {
            print("\(parked.key) stopped before position \(parked.position): \(parked.reason)")
            try await careful.resume(parked.key)
        }
        // end of sample

        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("daybook-guide-\(EventID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("bank.daybook").path

        // sample: project inline
        var configuration = SQLiteEventStore.Configuration()
        configuration.inlineReadModels = [InlineProjection(Balances())]
        let inline = try await SQLiteEventStore.open(path, configuration: configuration)
        let balances = ReadModel(Balances(), of: inline, in: inline)
        // end of sample
        try await CommandHandler(CashAccount.self, in: inline, category: "account").handle(.deposit(amount: 1), id: "1")
        #expect(try await balances.document("account-1")?.amount == 1)
        await inline.close()
    }
}

enum KeepReadModelsSamples {
    // sample: write a projection
    struct Balances: Projection {
        struct Balance: Codable, Sendable {
            var amount = 0
        }

        let name: ReadModelName = "balances"

        func keys(for event: AccountEvent, recorded: RecordedEvent) -> [String] { [recorded.stream.rawValue] }

        func apply(_ event: AccountEvent, recorded: RecordedEvent, key: String, to document: inout Balance?) {
            switch event {
            case .deposited(let amount): document = Balance(amount: (document?.amount ?? 0) + amount)
            case .withdrawn(let amount): document?.amount -= amount
            case .closed: document = nil
            }
        }

        func keys(forUnreadable recorded: RecordedEvent) -> [String]? { [recorded.stream.rawValue] }
    }
    // end of sample
}

// sample: unite events
enum TownEvent: EventUnion {
    case account(AccountEvent)
    case garage(GarageEvent)

    static let members = [EventUnionMember(TownEvent.account), EventUnionMember(TownEvent.garage)]
}
// end of sample
