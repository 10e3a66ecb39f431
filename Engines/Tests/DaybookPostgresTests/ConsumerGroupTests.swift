import StoreTrials
import Testing

@Suite(
    "A consumer group that keeps its state in PostgreSQL", .enabled(if: Server.isGiven, Server.hint),
    .timeLimit(.minutes(5)))
struct ConsumerGroupTests {
    @Test("shares the events among members, and gives those of one that is cut off to the other, in order for each key")
    func members() async throws {
        try await Server.withSchema { schema in
            try await SharedGroup.run(open: { try await Server.open(schema) }, close: { await $0.close() })
        }
    }
}
