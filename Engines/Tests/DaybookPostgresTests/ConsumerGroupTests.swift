import Daybook
import DaybookCore
import DaybookPostgres
import DaybookTesting
import Synchronization
import Testing

private enum AccountEvent: DomainEvent, Equatable {
    case deposited(amount: Int)

    static let typePrefix = "account"
}

@Suite(
    "A consumer group that keeps its state in PostgreSQL", .enabled(if: Server.isGiven, Server.hint),
    .timeLimit(.minutes(5)))
struct ConsumerGroupTests {
    private final class Diary: Sendable {
        private let lines = Mutex<[(member: Int, stream: StreamName, version: StreamVersion)]>([])

        var all: [(member: Int, stream: StreamName, version: StreamVersion)] { lines.withLock { $0 } }
        func write(_ member: Int, _ event: RecordedEvent) {
            lines.withLock { $0.append((member, event.stream, event.version)) }
        }
    }

    @Test("shares the events among members, and gives those of one that is cut off to the other, in order for each key")
    func members() async throws {
        try await Server.withSchema { schema in
            let writing = try await Server.open(schema)
            let count = 60
            for number in 0..<count {
                try await writing.append(
                    [NewEvent(type: "account.deposited", data: Array(#"{"amount":1}"#.utf8))],
                    to: StreamName(category: "account", id: "\(number % 6)"))
            }
            let policy = ConsumerPolicy(
                inFlight: 4, window: 16, lease: .milliseconds(1500), deliveries: 100, backoff: .zero,
                handlerTimeout: .seconds(600), pollInterval: .milliseconds(20))
            let diary = Diary()
            func group(_ store: PostgresEventStore) -> ConsumerGroup<AccountEvent> {
                ConsumerGroup("g", of: store, AccountEvent.self, in: store, policy: policy)
            }
            // The first member takes events and never ends: its store is closed under it, as if its process had died.
            let doomed = try await Server.open(schema)
            let hanging = Flag()
            let first = Task { [group = group(doomed)] in
                try await group.run(as: "first") { _ in
                    hanging.set()
                    while !Task.isCancelled { try await Task.sleep(for: .seconds(600)) }
                }
            }
            try await eventually("the first member has events in hand") { hanging.isSet }
            await doomed.close()
            first.cancel()
            _ = await first.result

            let stores = [try await Server.open(schema), try await Server.open(schema)]
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for (member, store) in stores.enumerated() {
                    tasks.addTask {
                        try await group(store).run(as: ConsumerMemberName(unchecked: "member-\(member)")) { delivery in
                            diary.write(member, delivery.recorded)
                        }
                    }
                }
                try await eventually("all is settled") {
                    try await group(stores[0]).status().settled == Position(Int64(count))
                }
                tasks.cancelAll()
                while let result = await tasks.nextResult() { _ = result }
            }
            let byStream = Dictionary(grouping: diary.all, by: \.stream).mapValues { $0.map(\.version) }
            #expect(byStream.count == 6)
            for (stream, versions) in byStream {
                #expect(versions == (0..<10).map { StreamVersion($0) }, "\(stream): each event once, in order")
            }
            for store in stores + [writing] { await store.close() }
        }
    }
}
