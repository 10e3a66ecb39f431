import CRDKafka
import Foundation

/// What stands in a topic, read by librdkafka alone, from the beginning to the end.
struct TopicContents {
    struct Record: Equatable {
        var partition: Int32
        var offset: Int64
        var key: String
        var value: [UInt8]
        var headers: [String: String]

        var id: String { headers["ce_id"] ?? "" }
    }

    /// In the order of partitions, then of offsets.
    var records: [Record] = []

    init(of topic: String, on servers: String = Broker.servers, uncommitted: Bool = false) throws {
        let client = try RawClient(
            RD_KAFKA_CONSUMER,
            [
                "bootstrap.servers": servers, "group.id": "look-\(UUID().uuidString)", "enable.partition.eof": "true",
                "isolation.level": uncommitted ? "read_uncommitted" : "read_committed", "enable.auto.commit": "false",
            ])
        defer { client.destroy() }
        let partitions = try Self.partitions(of: topic, client.handle)
        let list = rd_kafka_topic_partition_list_new(partitions)
        defer { rd_kafka_topic_partition_list_destroy(list) }
        for partition in 0..<partitions {
            rd_kafka_topic_partition_list_add(list, topic, partition).pointee.offset = Int64(RD_KAFKA_OFFSET_BEGINNING)
        }
        rd_kafka_assign(client.handle, list)
        var open = Set(0..<partitions)
        let deadline = ContinuousClock.now.advanced(by: .seconds(60))
        while !open.isEmpty {
            guard ContinuousClock.now < deadline else { throw RawFailure("the end of \(topic) was not reached") }
            guard let record = rd_kafka_consumer_poll(client.handle, 1000) else { continue }
            defer { rd_kafka_message_destroy(record) }
            switch record.pointee.err {
            case RD_KAFKA_RESP_ERR_NO_ERROR: records.append(Self.read(record))
            case RD_KAFKA_RESP_ERR__PARTITION_EOF: open.remove(record.pointee.partition)
            default: continue
            }
        }
        rd_kafka_consumer_close(client.handle)
        records.sort { ($0.partition, $0.offset) < ($1.partition, $1.offset) }
    }

    /// Identifiers of each key in the order of the topic, repetitions among them.
    var ids: [String: [String]] { Dictionary(grouping: records, by: \.key).mapValues { $0.map(\.id) } }

    /// Identifiers of each key as they came first.
    var firstIDs: [String: [String]] {
        ids.mapValues { ids in
            var seen: Set<String> = []
            return ids.filter { seen.insert($0).inserted }
        }
    }

    private static func partitions(of topic: String, _ handle: OpaquePointer) throws -> Int32 {
        let object = rd_kafka_topic_new(handle, topic, nil)
        defer { rd_kafka_topic_destroy(object) }
        for _ in 0..<60 {
            var answer: UnsafePointer<rd_kafka_metadata>?
            guard rd_kafka_metadata(handle, 0, object, &answer, 1000) == RD_KAFKA_RESP_ERR_NO_ERROR, let answer else {
                continue
            }
            defer { rd_kafka_metadata_destroy(answer) }
            if answer.pointee.topic_cnt > 0, answer.pointee.topics[0].partition_cnt > 0 {
                return answer.pointee.topics[0].partition_cnt
            }
        }
        throw RawFailure("no such topic: \(topic)")
    }

    private static func read(_ record: UnsafeMutablePointer<rd_kafka_message_t>) -> Record {
        let fields = record.pointee
        var headers: [String: String] = [:]
        var list: OpaquePointer?
        if rd_kafka_message_headers(record, &list) == RD_KAFKA_RESP_ERR_NO_ERROR {
            var name: UnsafePointer<CChar>?
            var value: UnsafeRawPointer?
            var size = 0
            var index = 0
            while rd_kafka_header_get_all(list, index, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR {
                headers[String(cString: name!)] = String(
                    decoding: UnsafeRawBufferPointer(start: value, count: size), as: UTF8.self)
                index += 1
            }
        }
        return Record(
            partition: fields.partition, offset: fields.offset,
            key: String(decoding: UnsafeRawBufferPointer(start: fields.key, count: fields.key_len), as: UTF8.self),
            value: [UInt8](UnsafeRawBufferPointer(start: fields.payload, count: fields.len)), headers: headers)
    }
}
