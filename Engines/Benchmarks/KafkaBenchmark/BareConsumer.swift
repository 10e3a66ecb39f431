import CRDKafka
import SideBySide

/// What a program that takes records by librdkafka alone does: one after another, as the one member of a group. Like
/// the source, it commits what it dealt with and nothing else, here once in 500 records, and does not wait for the
/// answer.
struct BareConsumer {
    let servers: String
    let topic: String
    private static let batch = 500

    /// Records a second, of so many from the beginning; value and identifier of each are looked at.
    func rate(of count: Int) throws -> Double {
        let handle = try BareClient.make(
            RD_KAFKA_CONSUMER,
            [
                ("bootstrap.servers", servers), ("group.id", "bench-\(UInt64.random(in: 0 ... .max))"),
                ("auto.offset.reset", "earliest"), ("enable.auto.commit", "false"),
            ])
        defer {
            rd_kafka_consumer_close(handle)
            rd_kafka_destroy(handle)
        }
        rd_kafka_poll_set_consumer(handle)
        let topics = rd_kafka_topic_partition_list_new(1)
        defer { rd_kafka_topic_partition_list_destroy(topics) }
        rd_kafka_topic_partition_list_add(topics, topic, RD_KAFKA_PARTITION_UA)
        guard rd_kafka_subscribe(handle, topics) == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw Failure(text: "\(topic) cannot be subscribed to")
        }
        let arrivals = Arrivals(of: count)
        var taken = 0
        var bytes = 0
        while taken < count {
            guard let record = rd_kafka_consumer_poll(handle, 30_000) else {
                throw Failure(text: "\(taken) of \(count) records came, and none for half a minute")
            }
            defer { rd_kafka_message_destroy(record) }
            // What passes by itself, such as a coordinator that is not ready.
            guard record.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR else { continue }
            bytes += record.pointee.len
            var headers: OpaquePointer?
            var id: UnsafeRawPointer?
            var size = 0
            if rd_kafka_message_headers(record, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR,
                rd_kafka_header_get_last(headers, "ce_id", &id, &size) == RD_KAFKA_RESP_ERR_NO_ERROR
            {
                bytes += size
            }
            taken += 1
            if taken % Self.batch == 0 || taken == count {
                rd_kafka_commit(handle, nil, 1)
                arrivals.add(taken % Self.batch == 0 ? Self.batch : taken % Self.batch)
            }
        }
        return try arrivals.rate()
    }
}
