import CRDKafka

/// librdkafka by itself.
enum BareClient {
    /// - Parameter finish: What else is set.
    static func make(
        _ type: rd_kafka_type_t, _ values: [(String, String)],
        finish: (_ settings: OpaquePointer?) -> Void = { _ in }
    ) throws -> OpaquePointer {
        let settings = rd_kafka_conf_new()
        var text = [CChar](repeating: 0, count: 512)
        var reason: String {
            String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
        for (name, value) in values
        where rd_kafka_conf_set(settings, name, value, &text, text.count) != RD_KAFKA_CONF_OK {
            throw Failure(text: "\(name): \(reason)")
        }
        finish(settings)
        guard let handle = rd_kafka_new(type, settings, &text, text.count) else { throw Failure(text: reason) }
        return handle
    }

    /// Makes a topic, unless it is there.
    static func makeTopic(_ name: String, partitions: Int32, servers: String) throws {
        let handle = try make(RD_KAFKA_PRODUCER, [("bootstrap.servers", servers)])
        defer { rd_kafka_destroy(handle) }
        var text = [CChar](repeating: 0, count: 512)
        var topic = rd_kafka_NewTopic_new(name, partitions, 1, &text, text.count)
        defer { rd_kafka_NewTopic_destroy(topic) }
        let queue = rd_kafka_queue_new(handle)
        defer { rd_kafka_queue_destroy(queue) }
        rd_kafka_CreateTopics(handle, &topic, 1, nil, queue)
        guard let answer = rd_kafka_queue_poll(queue, 60_000) else { throw Failure(text: "no answer to CreateTopics") }
        defer { rd_kafka_event_destroy(answer) }
        var count = 0
        let results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(answer), &count)
        guard count == 1 else {
            throw Failure(text: "\(name) was not made: \(String(cString: rd_kafka_event_error_string(answer)))")
        }
        let code = rd_kafka_topic_result_error(results?[0])
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS else {
            throw Failure(text: "\(name) was not made: \(String(cString: rd_kafka_err2str(code)))")
        }
    }
}
