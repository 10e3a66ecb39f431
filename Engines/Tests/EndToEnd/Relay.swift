import Daybook
import DaybookCore
import Testing

/// From one log to another: a publisher sends, a receiver records, both are stopped and begun again.
struct Relay: Sendable {
    let origin = InMemoryEventStore()
    let destination = InMemoryEventStore()
    private static let streams = 12
    private static let policy = ConsumerPolicy(
        inFlight: 256, window: 512, deliveries: .max, backoff: .milliseconds(5), isExclusive: true,
        pollInterval: .milliseconds(5))

    func record(_ count: Int) async throws {
        for number in 0..<count {
            let event = try JSONEventCodec<AccountEvent>().encode(.deposited(amount: number))
            try await origin.append(
                [NewEvent(type: event.type, data: event.data)],
                to: StreamName(unchecked: "account-\(number % Self.streams)"))
        }
    }

    func publisher(to target: any BatchPublisherTarget) throws -> EventPublisher {
        try EventPublisher(
            "relay", of: origin, PublishedEvents(AccountEvent.self, source: "/bank"), in: origin, to: target,
            policy: Self.policy)
    }

    /// Receives while a body runs, and until the destination has as many events as the origin.
    func receiving(from source: any EventSource, _ body: () async throws -> Void = {}) async throws {
        let receiver = EventReceiver("relay", from: source, in: destination)
        let destination = destination
        let running = Task {
            try await receiver.run(into: destination) { event in
                Placement(stream: try StreamName("copy-\(event.orderingKey)"), event: NewEvent(received: event))
            }
        }
        defer { running.cancel() }
        try await body()
        let end = try await origin.head()
        if end > .start { _ = try await destination.head(beyond: Position(end.rawValue - 1)) }
        running.cancel()
        try await running.value
    }

    /// Each stream has arrived, in order, and nothing twice.
    func check() async throws {
        let head = try await origin.head()
        let destinationHead = try await destination.head()
        #expect(destinationHead == head)
        for number in 0..<Self.streams {
            let mine = try await data(of: "account-\(number)", in: origin)
            let other = try await data(of: "copy-account-\(number)", in: destination)
            #expect(mine == other && !mine.isEmpty, "account-\(number)")
        }
    }

    private func data(of name: String, in store: InMemoryEventStore) async throws -> [String] {
        let page = try await store.readPage(
            of: StreamName(unchecked: name), from: .start, direction: .forward, limit: 10_000)
        return page.events.map { String(decoding: $0.data, as: UTF8.self) }
    }
}
