import Daybook
import DaybookCore
import Synchronization
import Testing

// The samples of "Receive events" stand here between marks; `scripts/check-samples` compares them with the article.

@Suite("The guide to receiving events")
struct ReceiveEventsTests {
    private func order(_ id: String, _ key: String) -> CloudEvent {
        CloudEvent(id: id, source: "/shop", type: "order.placed", subject: key, data: Array("{}".utf8))
    }

    @Test("runs on a store", .timeLimit(.minutes(1)))
    func runs() async throws {
        let store = InMemoryEventStore()
        let source = TestSource()
        for (id, key) in [("1", "a"), ("2", "b"), ("1", "a")] { source.add(order(id, key)) }

        // sample: into the log
        let receiver = EventReceiver("orders", from: source, in: store)
        try await receiver.run(into: store) { event in
            guard event.type == "order.placed" else { return nil }
            return Placement(stream: try StreamName("order-\(event.orderingKey)"), event: NewEvent(received: event))
        }
        // end of sample
        #expect(try await store.head() == 2)
    }

    @Test("handles events once, and goes on behind those that cannot be taken", .timeLimit(.minutes(1)))
    func handles() async throws {
        let store = InMemoryEventStore()
        let source = TestSource()
        for (id, key) in [("1", "a"), ("2", "b"), ("1", "a"), ("3", "a")] { source.add(order(id, key)) }
        let receiver = EventReceiver("orders", from: source, in: store)

        // sample: into a handler
        let inbox = Inbox("totals", model: "totals", in: store)
        try await receiver.run { event in
            try await inbox.once(event) { documents in
                let old = try await documents.document(event.orderingKey)
                let count = old.flatMap { Int(String(decoding: $0, as: UTF8.self)) } ?? 0
                try documents.set(Array(String(count + 1).utf8), for: event.orderingKey)
            }
        }
        // end of sample
        #expect(try await store.document("a", of: "totals") == Array("2".utf8))

        source.add(order("4", "c"))
        source.add(order("5", "c"))
        try await receiver.run { _ in throw ParkEvent("the shop is closed") }
        let handled = Mutex<[String]>([])
        let handle: @Sendable (CloudEvent) async throws -> Void = { event in handled.withLock { $0.append(event.id) } }

        // sample: stopped keys
        for parked in try await receiver.parked() {
            print("\(parked.key) stopped at \(parked.message.origin): \(parked.reason); \(parked.waiting) wait")
            try await receiver.replay(parked.key) { event in try await handle(event) }
        }
        // end of sample
        #expect(handled.withLock { $0 } == ["4", "5"])
    }
}
