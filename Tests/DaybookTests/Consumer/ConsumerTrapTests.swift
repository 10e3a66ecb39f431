import Daybook
import DaybookCore
import DaybookSQLite
import DaybookTesting
import Foundation
import Testing

@Suite("A handler that brings its process down")
struct ConsumerTrapTests {
    /// Handles the events of a file until nothing is left to be delivered; the one that deposits 13 is a trap.
    private static func consume(_ path: String) async throws {
        let store = try await SQLiteEventStore.open(path)
        let group = ConsumerGroup(
            "g", of: store, AccountEvent.self, in: store,
            policy: ConsumerPolicy(deliveries: 2, backoff: .zero, pollInterval: .milliseconds(1)))
        let inbox = Inbox("sum", model: "sum", in: store)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                try await group.run(as: "member") { delivery in
                    for case .deposited(let amount) in delivery.events {
                        if amount == 13 { fatalError("an unlucky number") }
                        try await inbox.once(delivery) { documents in
                            let sum = try await documents.document("sum")?.first ?? 0
                            try documents.set([sum + UInt8(amount)], for: "sum")
                        }
                    }
                }
            }
            while try await group.status().checkpoint < store.head() { try await Task.sleep(for: .milliseconds(1)) }
            tasks.cancelAll()
            try await tasks.waitForAll()
        }
        await store.close()
    }

    @Test("is found out by the number of its deliveries: its event is parked, and all others are handled once")
    func trap() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("daybook-trap-\(EventID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("log.daybook").path
        let before = try await SQLiteEventStore.open(path)
        let accounts = CommandHandler(CashAccount.self, in: before, category: "account")
        for (id, amount) in [("1", 1), ("2", 13), ("2", 2), ("3", 4), ("4", 8)] {
            try await accounts.handle(.deposit(amount: amount), id: id)
        }
        await before.close()
        for _ in 0..<2 {
            await #expect(processExitsWith: .failure) { [path = path as String] in
                try await ConsumerTrapTests.consume(path)
            }
        }
        await #expect(processExitsWith: .success) { [path = path as String] in
            try await ConsumerTrapTests.consume(path)
        }
        let store = try await SQLiteEventStore.open(path)
        let group = ConsumerGroup("g", of: store, AccountEvent.self, in: store)
        let parked = try #require(try await group.parked().first)
        #expect(parked.position == 2 && parked.deliveries == 2 && parked.waiting == 1)
        #expect(try await store.document("sum", of: "sum") == [13])
        await store.close()
    }
}
