import Daybook
import DaybookCore
import DaybookTesting
import Synchronization
import Testing

@Suite("Two versions of a projection that are started at once", .timeLimit(.minutes(1)))
struct ProjectionVersionsTests {
    typealias Store = any EventStore & ReadModelStore

    /// What was deposited, times the version; a document tells which versions have folded it.
    private struct Deposits: Projection {
        struct Document: Codable, Equatable, Sendable {
            var versions: Set<Int> = []
            var amount = 0
            var events = 0
        }

        var name: ReadModelName = "deposits"
        var version: Int

        func keys(for event: AccountEvent, recorded: RecordedEvent) -> [String] {
            [recorded.stream.rawValue, "total"]
        }

        func apply(_ event: AccountEvent, recorded: RecordedEvent, key: String, to document: inout Document?) {
            guard case .deposited(let amount) = event else { return }
            var changed = document ?? Document()
            changed.versions.insert(version)
            changed.amount += amount * version
            changed.events += 1
            document = changed
        }
    }

    /// Holds each up until all have come.
    private final class Meeting: Sendable {
        private let missing: Mutex<Set<Int>>

        init(_ names: Int...) { missing = Mutex(Set(names)) }

        func arrive(_ name: Int) async {
            missing.withLock { _ = $0.remove(name) }
            while !missing.withLock(\.isEmpty), !Task.isCancelled { await Task.yield() }
        }
    }

    private func deposit(_ count: Int, in store: Store, using random: inout SplitMix64) async throws -> Position {
        let accounts = CommandHandler(CashAccount.self, in: store, category: "account")
        for _ in 0..<count {
            let amount = Int.random(in: 1...9, using: &random)
            try await accounts.handle(.deposit(amount: amount), id: "\(Int.random(in: 1...4, using: &random))")
        }
        return try await store.head()
    }

    /// The documents as one version alone makes them.
    private func folded(_ projection: Deposits, _ store: Store) async throws -> [String: Deposits.Document] {
        let entries = try await ProjectionHistory(projection, of: store).documents()
        return entries
    }

    private func documents(_ model: ReadModel<Deposits>) async throws -> [String: Deposits.Document] {
        Dictionary(try await model.documents().map { ($0.key, $0.document) }, uniquingKeysWith: { $1 })
    }

    @Test(
        "under one name: the one that commits later stops, and no document is of both", arguments: TestStore.all,
        TestSeeds.first(6))
    func oneName(_ make: TestStore, seed: UInt64) async throws {
        var random = SplitMix64(seed: seed)
        let store = try await make.make()
        var head = try await deposit(40, in: store, using: &random)
        let meeting = Meeting(1, 2)
        let runners = [1, 2].map { version in
            // Neither commits before both have begun.
            ProjectionRunner(
                Deposits(version: version), of: store, in: RivalModels(store) { await meeting.arrive(version) },
                batchSize: Int.random(in: 1...50, using: &random))
        }
        let winner = try await withThrowingTaskGroup(of: (Int, ProjectionError?).self) { group in
            for runner in runners {
                group.addTask {
                    do throws(ProjectionError) { try await runner.run() } catch {
                        return (runner.projection.version, error)
                    }
                    return (runner.projection.version, nil)
                }
            }
            let (loser, error) = try #require(try await group.next())
            guard case .store(.checkpointMoved(model: "deposits", expected: .start, let actual)) = error else {
                Issue.record("version \(loser): \(String(describing: error)), seed \(seed)")
                group.cancelAll()
                return 0
            }
            #expect(actual > .start)
            head = try await deposit(20, in: store, using: &random)
            let winner = runners[2 - loser]
            try await winner.readModel.wait(for: head)
            group.cancelAll()
            return winner.projection.version
        }
        let found = try await documents(runners[0].readModel)
        #expect(found.values.allSatisfy { $0.versions == [winner] }, "seed \(seed)")
        #expect(try await found == folded(Deposits(version: winner), store), "seed \(seed)")
        #expect(found["total"]?.events == 60)
    }

    @Test("under two names: they run side by side", arguments: TestStore.all, TestSeeds.first(3))
    func twoNames(_ make: TestStore, seed: UInt64) async throws {
        var random = SplitMix64(seed: seed)
        let store = try await make.make()
        _ = try await deposit(40, in: store, using: &random)
        let meeting = Meeting(1, 2)
        let runners = [1, 2].map { version in
            ProjectionRunner(
                Deposits(name: ReadModelName(unchecked: "deposits-\(version)"), version: version), of: store,
                in: RivalModels(store) { await meeting.arrive(version) },
                batchSize: Int.random(in: 1...50, using: &random))
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for runner in runners { group.addTask { try await runner.run() } }
            let head = try await deposit(20, in: store, using: &random)
            for runner in runners { try await runner.readModel.wait(for: head) }
            group.cancelAll()
            try await group.waitForAll()
        }
        for runner in runners {
            let found = try await documents(runner.readModel)
            #expect(try await found == folded(runner.projection, store), "seed \(seed)")
            #expect(found["total"]?.events == 60 && found["total"]?.versions == [runner.projection.version])
        }
    }
}
