import Daybook
import DaybookCore
import Synchronization
import Testing

/// A consumer group whose members are on stores of their own, all on one log; one member is cut off with events in hand.
public enum SharedGroup {
    public typealias Store = EventStore & ReadModelStore

    private enum AccountEvent: DomainEvent, Equatable {
        case deposited(amount: Int)

        static let typePrefix = "account"
    }

    /// What was handled, in order.
    private final class Diary: Sendable {
        private let lines = Mutex<[(stream: StreamName, version: StreamVersion)]>([])

        var all: [(stream: StreamName, version: StreamVersion)] { lines.withLock { $0 } }
        func write(_ event: RecordedEvent) { lines.withLock { $0.append((event.stream, event.version)) } }
    }

    private static let count = 60

    /// Expects each event to be handled once, and those of a key in order.
    ///
    /// - Parameters:
    ///   - open: Opens the log once more, as another process does.
    ///   - close: Ends such a store.
    public static func run<S: Store>(open: () async throws -> S, close: (S) async -> Void) async throws {
        let writing = try await open()
        for number in 0..<count {
            try await writing.append(
                [NewEvent(type: "account.deposited", data: Array(#"{"amount":1}"#.utf8))],
                to: StreamName(category: "account", id: "\(number % 6)"))
        }
        let head = try await writing.head()
        // The first member takes events and never ends: its store is closed under it, as if its process had died.
        let doomed = try await open()
        let hanging = Flag()
        let first = Task { [group = group(doomed)] in
            try await group.run(as: "first") { _ in
                hanging.set()
                while !Task.isCancelled { try await Task.sleep(for: .seconds(600)) }
            }
        }
        try await eventually("the first member has events in hand") { hanging.isSet }
        await close(doomed)
        first.cancel()
        _ = await first.result

        let stores = [try await open(), try await open()]
        let diary = Diary()
        var members: [Task<Void, any Error>] = []
        for (number, store) in stores.enumerated() {
            members.append(
                Task { [group = group(store)] in
                    try await group.run(as: ConsumerMemberName(unchecked: "member-\(number)")) { delivery in
                        diary.write(delivery.recorded)
                    }
                })
        }
        try await eventually("all is settled") { try await group(stores[0]).status().settled == head }
        for member in members { member.cancel() }
        for member in members { _ = await member.result }
        let byStream = Dictionary(grouping: diary.all, by: \.stream).mapValues { $0.map(\.version) }
        #expect(byStream.count == 6)
        for (stream, versions) in byStream {
            #expect(versions == (0..<10).map { StreamVersion($0) }, "\(stream): each event once, in order")
        }
        for store in stores + [writing] { await close(store) }
    }

    private static func group(_ store: some Store) -> ConsumerGroup<AccountEvent> {
        let policy = ConsumerPolicy(
            inFlight: 4, window: 16, lease: .milliseconds(1500), deliveries: 100, backoff: .zero,
            handlerTimeout: .seconds(600), pollInterval: .milliseconds(20))
        return ConsumerGroup("g", of: store, AccountEvent.self, in: store, policy: policy)
    }
}
