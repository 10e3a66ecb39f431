import CRDKafka
import Foundation

/// Brokers for tests: the one in `KAFKA_BOOTSTRAP`, and those that a test starts to do it harm.
enum Broker {
    static let servers = ProcessInfo.processInfo.environment["KAFKA_BOOTSTRAP"] ?? ""
    static let isThere = !servers.isEmpty
    static let script = ProcessInfo.processInfo.environment["KAFKA_BROKER_SCRIPT"] ?? ""
    static let canStart = !script.isEmpty

    /// A new topic.
    static func topic(_ partitions: Int32 = 4, on servers: String = Broker.servers) throws -> String {
        let name = "test-\(UUID().uuidString.lowercased())"
        try create(name, partitions, on: servers)
        return name
    }

    static func create(_ name: String, _ partitions: Int32, on servers: String) throws {
        let client = try RawClient(RD_KAFKA_PRODUCER, ["bootstrap.servers": servers])
        defer { client.destroy() }
        var text = [CChar](repeating: 0, count: 512)
        var topic = rd_kafka_NewTopic_new(name, partitions, 1, &text, text.count)
        defer { rd_kafka_NewTopic_destroy(topic) }
        let queue = rd_kafka_queue_new(client.handle)
        defer { rd_kafka_queue_destroy(queue) }
        rd_kafka_CreateTopics(client.handle, &topic, 1, nil, queue)
        guard let answer = rd_kafka_queue_poll(queue, 60_000) else { throw RawFailure("no answer to CreateTopics") }
        defer { rd_kafka_event_destroy(answer) }
        var count = 0
        let results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(answer), &count)
        guard count == 1, rd_kafka_topic_result_error(results?[0]) == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw RawFailure("the topic was not created: \(String(cString: rd_kafka_event_error_string(answer)))")
        }
    }
}

struct RawFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// A broker of a test's own, in a directory of its own.
final class OwnBroker: Sendable {
    let directory: String
    let servers: String

    init() throws {
        directory = NSTemporaryDirectory() + "daybook-kafka-\(UUID().uuidString)"
        servers = try Self.run("start", directory)
    }

    func pause() throws { try Self.run("pause", directory) }
    func resume() throws { try Self.run("resume", directory) }
    func stop() throws { try Self.run("stop", directory) }
    func start() throws { try Self.run("start", directory) }
    func wipe() { _ = try? Self.run("wipe", directory) }

    @discardableResult
    private static func run(_ arguments: String...) throws -> String {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: Broker.script)
        process.arguments = arguments
        process.standardOutput = output
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw RawFailure("kafka \(arguments) failed") }
        // The broker keeps the pipe open no longer than its start: it writes to its log.
        let text = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

/// A client of librdkafka without Daybook, to look at what Daybook did.
final class RawClient: @unchecked Sendable {
    let handle: OpaquePointer

    init(_ type: rd_kafka_type_t, _ settings: [String: String]) throws {
        let configuration = rd_kafka_conf_new()
        var text = [CChar](repeating: 0, count: 512)
        for (name, value) in settings
        where rd_kafka_conf_set(configuration, name, value, &text, text.count) != RD_KAFKA_CONF_OK {
            throw RawFailure(String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
        }
        guard let handle = rd_kafka_new(type, configuration, &text, text.count) else {
            throw RawFailure(String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
        }
        self.handle = handle
    }

    func destroy() { rd_kafka_destroy(handle) }
}
