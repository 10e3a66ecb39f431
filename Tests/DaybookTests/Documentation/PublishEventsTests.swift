import Daybook
import DaybookCore
import Synchronization
import Testing

// The samples of "Publish events" stand here between marks; `scripts/check-samples` compares them with the article.

private struct Unavailable: Error {
    var status: Int
}

// sample: target
struct Warehouse: PublisherTarget {
    let post: @Sendable ([UInt8]) async throws -> Int

    func send(_ events: [CloudEvent]) async throws {
        for event in events {
            switch try await post(event.json) {
            case 200..<300: break
            case 400, 410, 413, 422: throw ParkEvent("the warehouse does not take event \(event.id)")
            case let status: throw Unavailable(status: status)
            }
        }
    }
}
// end of sample

@Suite("The guide to publishing events")
struct PublishEventsTests {
    @Test("runs on a store", .timeLimit(.minutes(1)))
    func runs() async throws {
        let store = InMemoryEventStore()
        let accounts = CommandHandler(CashAccount.self, in: store, category: "account")
        for id in ["41", "42"] { try await accounts.handle([.deposit(amount: 1), .deposit(amount: 2)], id: id) }
        let taken = Mutex<[String: [Int]]>([:])  // The amounts, by account.
        let isMended = Mutex(false)
        let post: @Sendable ([UInt8]) async throws -> Int = { bytes in
            let text = String(decoding: bytes, as: UTF8.self)
            guard isMended.withLock({ $0 }) || !text.contains("account-42") else { return 422 }
            let account = text.contains("account-42") ? "42" : "41"
            taken.withLock { $0[account, default: []].append(text.contains(#""amount":1}"#) ? 1 : 2) }
            return 200
        }

        // sample: published
        let published = try PublishedEvents(AccountEvent.self, source: "/bank")
        // end of sample

        // sample: publisher
        let publisher = EventPublisher("warehouse", of: store, published, in: store, to: Warehouse(post: post))
        let running = Task { try await publisher.run() }
        // end of sample
        while try await publisher.parked().first?.waiting != 1 { try await Task.sleep(for: .milliseconds(1)) }
        isMended.withLock { $0 = true }

        // sample: stopped streams
        for event in try await publisher.parked() {
            print("\(event.key) stopped at \(event.position): \(event.reason); \(event.waiting) wait")
        }
        try await publisher.replay("account-42")
        // end of sample
        while taken.withLock({ $0.values.joined().count }) < 4 { try await Task.sleep(for: .milliseconds(1)) }
        running.cancel()
        try await running.value
        #expect(taken.withLock { $0 } == ["41": [1, 2], "42": [1, 2]])
        #expect(try await publisher.lag() == 0)
    }
}
