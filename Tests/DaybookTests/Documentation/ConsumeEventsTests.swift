import Daybook
import DaybookCore
import Testing

// The samples of "Consume events" stand here between marks; `scripts/check-samples` compares them with the article.

@Suite("The guide to consuming events")
struct ConsumeEventsTests {
    @Test("runs on a store", .timeLimit(.minutes(1)))
    func runs() async throws {
        let store = InMemoryEventStore()
        let handler = CommandHandler(CashAccount.self, in: store, category: "account")
        try await handler.handle([.deposit(amount: 1), .deposit(amount: 2)], id: "1")
        let codec = JSONEventCodec<AccountEvent>()
        let (done, signal) = AsyncStream.makeStream(of: Position.self)

        // sample: group
        let group = ConsumerGroup("deposits", of: store, AccountEvent.self, in: store)
        let inbox = Inbox("deposits", model: "deposits", in: store)

        let member = Task {
            try await group.run { delivery in
                try await inbox.once(delivery) { documents in
                    let old = try await documents.document("count")
                    let count = old.flatMap { Int(String(decoding: $0, as: UTF8.self)) } ?? 0
                    try documents.set(Array(String(count + delivery.events.count).utf8), for: "count")
                }
                signal.yield(delivery.recorded.position)
            }
        }
        // end of sample
        for await position in done where position == 2 { break }
        member.cancel()
        try await member.value
        #expect(try await store.document("count", of: "deposits") == Array("2".utf8))

        let unreadable = NewEvent(type: "account.frozen", data: Array("{}".utf8))
        let readable = try codec.encode(.deposited(amount: 3))
        try await store.append([unreadable, NewEvent(type: readable.type, data: readable.data)], to: "account-2")
        let again = Task { try await group.run { signal.yield($0.recorded.position) } }
        while try await group.parked().first?.waiting != 1 { await Task.yield() }

        // sample: parked
        for event in try await group.parked() {
            print("\(event.key) stopped at \(event.position): \(event.reason); \(event.waiting) wait")
            try await group.skip(event.position, reason: "frozen by mistake, see ticket 4711")
        }
        // end of sample
        for await position in done where position == 4 { break }
        again.cancel()
        try await again.value
        #expect(try await group.skipped().map(\.position) == [3])

        // sample: forget
        try await inbox.forget(through: group.status().settled)
        // end of sample
        #expect(try await group.status().settled == 4)
    }

    @Test("joins anew", .timeLimit(.minutes(1)))
    func joinsAnew() async throws {
        let store = InMemoryEventStore()
        let group = ConsumerGroup("deposits", of: store, AccountEvent.self, in: store)
        let handler: @Sendable (ConsumerDelivery<AccountEvent>) async throws -> Void = { _ in }
        @Sendable func work() async throws {
            // sample: join anew
            while !Task.isCancelled {
                do {
                    try await group.run(handler)
                } catch .refused(.leaseLost) {
                    continue  // What was not acknowledged is delivered again.
                }
            }
            // end of sample
        }
        let member = Task { try await work() }
        while try await group.status().members.isEmpty { await Task.yield() }
        member.cancel()
        try await member.value
    }
}
