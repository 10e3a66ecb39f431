import Daybook
import DaybookCore
import DaybookTesting
import Testing

@Suite("A projection of several tasks")
struct ProjectionParallelTests {
    typealias Store = any EventStore & ReadModelStore

    /// What was deposited, in order: another order makes another document. Some amounts are refused.
    private struct Chain: Projection {
        struct Unwanted: Error {}

        var name: ReadModelName
        var refused: Set<Int> = []

        func keys(for event: AccountEvent, recorded: RecordedEvent) -> [String] {
            guard case .deposited(let amount) = event else { return [] }
            return [recorded.stream.rawValue, "amount-\(amount % 7)"]
        }

        func apply(_ event: AccountEvent, recorded: RecordedEvent, key: String, to document: inout [Int64]?) throws {
            guard case .deposited(let amount) = event else { return }
            document = [((document?.first ?? 17) &* 31 &+ Int64(amount)), recorded.position.rawValue]
            if refused.contains(amount) { throw Unwanted() }
        }
    }

    /// What a runner leaves.
    private struct Result: Equatable {
        var documents: [String: [Int64]] = [:]
        var parked: [String: Position] = [:]
        var checkpoint: Position
        var error: String?
    }

    private func run(
        _ projection: Chain, _ policy: ProjectionFailurePolicy, tasks: Int, in store: Store
    ) async throws -> Result {
        let runner = ProjectionRunner(
            projection, of: store, in: store, batchSize: 2_000, failurePolicy: policy, parallelism: tasks)
        var error: String?
        do { try await runner.catchUp() } catch let failure { error = failure.description }
        var result = Result(checkpoint: try await store.checkpoint(of: projection.name), error: error)
        for parked in try await runner.parkedKeys() { result.parked[parked.key] = parked.position }
        for entry in try await runner.readModel.documents(limit: 1_000) {
            result.documents[entry.key] = entry.document
        }
        return result
    }

    @Test(
        "folds each key in the order of the log, and stops or parks where a single one does", arguments: TestStore.all,
        TestSeeds.first(4))
    func sameAsOne(_ make: TestStore, seed: UInt64) async throws {
        let store = try await make.make()
        var random = SplitMix64(seed: seed)
        let accounts = CommandHandler(CashAccount.self, in: store, category: "account")
        // Enough in each batch for several tasks to share it, and keys that go through all of it.
        for _ in 0..<150 {
            let commands = (0..<10).map { _ in
                CashAccount.Command.deposit(amount: Int.random(in: 1...500, using: &random))
            }
            try await accounts.handle(commands, id: "\(Int.random(in: 0..<12, using: &random))")
        }
        let refused: Set<Int> = [Int.random(in: 1...500, using: &random), Int.random(in: 1...500, using: &random)]
        let cases: [(policy: ProjectionFailurePolicy, refused: Set<Int>)] = [
            (.stop, []), (.stop, refused), (.parkKeys(limit: 100), refused), (.parkKeys(limit: 1), refused),
        ]
        for (number, (policy, refused)) in cases.enumerated() {
            func result(tasks: Int) async throws -> Result {
                let name = ReadModelName(unchecked: "chain-\(number)-\(tasks)")
                return try await run(Chain(name: name, refused: refused), policy, tasks: tasks, in: store)
            }
            let one = try await result(tasks: 1)
            for tasks in [2, 3, 8] {
                #expect(try await result(tasks: tasks) == one, "seed \(seed), \(tasks) tasks, case \(number)")
            }
            if number == 0 {
                #expect(one.checkpoint == 1_500 && one.documents.count == 19 && one.error == nil)
            }
        }
    }
}
