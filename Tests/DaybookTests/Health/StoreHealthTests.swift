import Daybook
import DaybookCore
import DaybookSQLite
import Foundation
import Synchronization
import Testing

/// The deposits of each account; those of 13 park their key.
private struct Deposits: Projection {
    struct Unwanted: Error {}
    let name: ReadModelName = "deposits"

    func keys(for event: AccountEvent, recorded: RecordedEvent) -> [String] { [recorded.stream.rawValue] }
    func keys(forUnreadable recorded: RecordedEvent) -> [String]? { [recorded.stream.rawValue] }
    func apply(_ event: AccountEvent, recorded: RecordedEvent, key: String, to document: inout Int?) throws {
        guard case .deposited(let amount) = event else { return }
        if amount == 13 { throw Unwanted() }
        document = (document ?? 0) + amount
    }
}

@Suite("The health of a store")
struct StoreHealthTests {
    private func open(
        _ change: (inout SQLiteEventStore.Configuration) -> Void = { _ in }
    ) async throws -> SQLiteEventStore {
        var configuration = SQLiteEventStore.Configuration()
        change(&configuration)
        return try await SQLiteEventStore.temporary(configuration: configuration)
    }

    private func deposit(_ amounts: [Int], in store: SQLiteEventStore, to stream: StreamName = "account-1") async throws
    {
        let codec = JSONEventCodec<AccountEvent>()
        for amount in amounts {
            let encoded = try codec.encode(.deposited(amount: amount))
            try await store.append([NewEvent(type: encoded.type, data: encoded.data)], to: stream)
        }
    }

    private func consumer(_ name: String, _ health: StoreHealth) throws -> ConsumerHealth {
        try #require(health.consumers.first { $0.name == name }, "\(health.consumers)")
    }

    @Test("tells each consumer's position, how far it is behind, and what is parked, as the consumers do")
    func consumers() async throws {
        let store = try await open()
        try await deposit([1, 2], in: store)
        try await deposit([13, 4, 5], in: store, to: "account-2")
        try await store.save(Checkpoint(after: 2), for: "reader")
        let runner = ProjectionRunner(Deposits(), of: store, in: store, failurePolicy: .parkKeys(limit: 10))
        try await runner.catchUp()
        let group = ConsumerGroup(
            "mailer", of: store, AccountEvent.self, in: store, policy: ConsumerPolicy(pollInterval: .milliseconds(1)))
        try await group.catchUp { delivery in
            if delivery.recorded.stream == "account-2" { throw ParkEvent("nobody's") }
        }
        try await deposit([6], in: store)

        let health = try await store.health(HealthPolicy(maxEventsBehind: 3))
        #expect(health.head == 6 && health.checkedAt >= Timestamp(microseconds: 0))
        let reader = try consumer("reader", health)
        #expect(reader.kind == .checkpoint && reader.position == 2 && reader.eventsBehind == 4 && reader.parked == nil)
        #expect(reader.problems.count == 1 && (reader.secondsBehind ?? -1) >= 0)
        let deposits = try consumer("deposits", health)
        #expect(deposits.kind == .readModel && deposits.position == 5 && deposits.eventsBehind == 1)
        #expect(deposits.parked == (try await runner.parkedKeys().count) && deposits.parked == 1)
        #expect(deposits.problems.count == 1)
        let mailer = try consumer("mailer", health)
        let status = try await group.status()
        #expect(mailer.kind == .consumerGroup && mailer.position == status.checkpoint)
        #expect(mailer.parked == status.held && mailer.parked == 3)
        #expect(!health.isHealthy && health.problems.isEmpty)
        #expect(health.consumers.count == 3)

        let patient = try await store.health(HealthPolicy(maxParked: 3))
        #expect(patient.isHealthy, "\(patient)")
        let ignoring = try await store.health(
            HealthPolicy(maxEventsBehind: 3, ignoredConsumers: ["reader", "deposits", "mailer"]))
        #expect(ignoring.isHealthy && ignoring.consumers.count == 3)
        let late = try await store.health(HealthPolicy(maxTimeBehind: .zero, maxParked: 3))
        #expect(!late.isHealthy)
        let beside = try await SQLiteEventStore.health(ofFile: store.path, HealthPolicy(maxEventsBehind: 3))
        #expect(beside.consumers.map(\.position) == health.consumers.map(\.position))
        #expect(beside.consumers.map(\.parked) == health.consumers.map(\.parked))
        #expect(beside.head == 6)
        await store.close()
    }

    @Test("tells a process manager's position from the stream that it keeps it in")
    func processManager() async throws {
        let store = try await open()
        let codec = JSONEventCodec<SaleEvent>()
        for sale in ["a", "b"] {
            let encoded = try codec.encode(.placed(sale: sale))
            try await store.append([NewEvent(type: encoded.type, data: encoded.data)], to: "sales")
        }
        let runner = ProcessRunner(Fulfilment.self, of: store, in: store) { _, _ in }
        let task = Task { try await runner.run() }
        let progress: StreamName = "process_progress-fulfilment"
        while true {
            let version = try await store.state(of: progress).lastVersion
            let revision = try await store.checkpoint(of: "$consumer-process-fulfilment")
            if version != nil, revision > .start { break }
            await Task.yield()
        }
        task.cancel()
        try await task.value
        let last = try await store.readPage(of: progress, from: .end, direction: .backward, limit: 1).events.first
        let recorded = try #require(last)
        let data = try JSONSerialization.jsonObject(with: Data(recorded.data)) as? [String: Int64]
        let through = try #require(data?["through"])
        let health = try await store.health()
        let manager = try #require(health.consumers.first { $0.kind == .processManager })
        #expect(manager.name == "fulfilment" && manager.position.rawValue == through && through >= 2)
        #expect(manager.eventsBehind == health.head.rawValue - through)
        #expect(health.consumers.contains { $0.kind == .consumerGroup && $0.name == "process-fulfilment" })
        #expect(health.consumers.count == 2)
        await store.close()
    }

    @Test("objects to a consumer beyond the log's end, and judges no inbox")
    func beyond() async throws {
        let store = try await open()
        try await deposit([1], in: store)
        for number in 0..<3 {
            let event = try #require(
                try await store.readPage(from: .start, direction: .forward, filter: .all, limit: 1).events.first)
            _ = try await Inbox(InboxHandlerName(unchecked: "handler-\(number)"), model: "handled", in: store).once(
                event
            ) { _ in }
        }
        try await store.save(Checkpoint(after: 40), for: "ahead")
        let health = try await store.health()
        #expect(health.consumers.map(\.name) == ["ahead"])
        #expect(health.consumers.first?.problems.first?.contains("beyond the log's end at 1") == true)
        #expect(!health.isHealthy)
        await store.close()
    }

    @Test("objects to a disk below the reserve and to a long write-ahead log")
    func storeItself() async throws {
        let store = try await open { $0.freeSpaceReserve = .max }
        let health = try await store.health(HealthPolicy(maxWALBytes: -1))
        #expect(health.problems.count == 2 && !health.isHealthy, "\(health)")
        await store.close()
    }
}
