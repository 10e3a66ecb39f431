import Daybook
import DaybookCore
import DaybookJetStream
import DaybookKafka
import DaybookWebhook
import Foundation
import Testing

@Suite("From one log to another", .serialized, .timeLimit(.minutes(5)))
struct EndToEndTests {
    private static let environment = ProcessInfo.processInfo.environment

    @Test(
        "by Kafka", .enabled(if: environment["KAFKA_BOOTSTRAP"] != nil, "KAFKA_BOOTSTRAP is not set: make test-engines")
    )
    func kafka() async throws {
        let servers = Self.environment["KAFKA_BOOTSTRAP"] ?? ""
        let topic = "relay-\(UUID().uuidString.lowercased())"
        let relay = Relay()
        for turn in 1...3 {
            try await relay.record(300)
            let target = try KafkaTarget(.init(servers: servers, topic: topic))
            try await relay.publisher(to: target).catchUp()
            await target.close()
            let source = try KafkaSource(
                .init(
                    servers: servers, group: "\(topic)-group", topics: [topic], settings: ["session.timeout.ms": "6000"]
                ))
            try await relay.receiving(from: source)
            try await relay.check()
            #expect(try await relay.origin.head() == Position(Int64(turn * 300)))
        }
    }

    @Test(
        "by NATS JetStream, while its server is killed and started again",
        .enabled(
            if: environment["DAYBOOK_JETSTREAM_ENGINE"] != nil,
            "DAYBOOK_JETSTREAM_ENGINE is not set: make test-engines"))
    func jetStream() async throws {
        let server = NATSServer(script: try #require(Self.environment["DAYBOOK_JETSTREAM_ENGINE"]))
        defer { server.wipe() }
        let servers = JetStreamServers(try server.run("start"))
        let subjects = try JetStreamSubjects(prefix: "relay", partitions: 3)
        let relay = Relay()
        for turn in 1...3 {
            try await relay.record(400)
            let source = try JetStreamSource(
                .init(servers: servers, stream: "RELAY", group: "relay", subjects: subjects, takeOver: .seconds(1)))
            let target = try JetStreamTarget(
                .init(servers: servers, stream: "RELAY", subjects: subjects, creation: .init(replicas: 1), batch: 20))
            if turn == 1 {
                try await relay.publisher(to: target).catchUp()
                try await relay.receiving(from: source)
            } else {
                let destination = try await relay.destination.head()
                try await relay.receiving(from: source) {
                    async let sent = relay.publisher(to: target).catchUp()
                    _ = try await relay.destination.head(beyond: destination)
                    try server.run(turn == 2 ? "kill" : "stop-node", "1")
                    try server.run("start-node", "1")
                    _ = try await sent
                }
            }
            await target.close()
            try await relay.check()
            #expect(try await relay.origin.head() == Position(Int64(turn * 400)))
        }
    }

    @Test("by a webhook")
    func webhook() async throws {
        let relay = Relay()
        let secret = try WebhookSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        for _ in 1...3 {
            try await relay.record(200)
            let (ports, port) = AsyncStream.makeStream(of: Int.self)
            let source = try WebhookSource(port: 0, path: "/events", secrets: [secret]) { port.yield($0) }
            try await relay.receiving(from: source) {
                var listening = ports.makeAsyncIterator()
                let port = try #require(await listening.next())
                let target = try WebhookTarget("http://127.0.0.1:\(port)/events", secrets: [secret])
                try await relay.publisher(to: target).catchUp()
            }
            try await relay.check()
        }
    }
}
