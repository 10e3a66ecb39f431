import CRDKafka
import Daybook
import Synchronization

/// What a program that uses librdkafka by itself does. Used by one thread at a time.
final class BareProducer: @unchecked Sendable {
    private struct Record {
        let key: [UInt8]
        let value: [UInt8]
        let headers: [(name: [CChar], value: [UInt8])]

        init(_ event: CloudEvent) {
            key = Array(event.orderingKey.utf8)
            value = event.data
            headers = event.attributes.map { (Array(("ce_" + $0.name).utf8CString), Array($0.value.utf8)) }
        }
    }

    private let handle: OpaquePointer
    private let topic: OpaquePointer
    private static let delivered = Atomic<Int>(0)
    /// How many milliseconds the brokers have to begin or to commit a transaction.
    private static let patience: Int32 = 60_000

    /// - Parameter transactionalID: Nil for a producer without transactions.
    init(servers: String, topic: String, transactionalID: String? = nil) throws {
        var settings = [("bootstrap.servers", servers), ("linger.ms", "1"), ("partitioner", "murmur2_random")]
        if let transactionalID {
            settings.append(("transactional.id", transactionalID))
        } else {
            settings += [
                ("enable.idempotence", "true"), ("acks", "all"), ("message.timeout.ms", "0"),
                ("enable.gapless.guarantee", "true"),
            ]
        }
        handle = try BareClient.make(RD_KAFKA_PRODUCER, settings) { settings in
            rd_kafka_conf_set_dr_msg_cb(settings) { _, message, _ in
                if message!.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR {
                    BareProducer.delivered.add(1, ordering: .relaxed)
                }
            }
        }
        self.topic = rd_kafka_topic_new(handle, topic, nil)
        if transactionalID != nil { try Self.check(rd_kafka_init_transactions(handle, Self.patience)) }
    }

    func send(_ events: [CloudEvent], _ count: Int) throws {
        Self.delivered.store(0, ordering: .relaxed)
        let records = events.map { Record($0) }
        for number in 0..<count {
            try produce(records[number % records.count])
            if number % 100 == 0 { rd_kafka_poll(handle, 0) }
        }
        rd_kafka_flush(handle, 60_000)
        guard Self.delivered.load(ordering: .relaxed) == count else { throw Failure(text: "not all were delivered") }
    }

    /// Transactions one after another, each of so many records.
    func send(_ events: [CloudEvent], transactions: Int, of size: Int) throws {
        Self.delivered.store(0, ordering: .relaxed)
        let records = events.map { Record($0) }
        for transaction in 0..<transactions {
            try Self.check(rd_kafka_begin_transaction(handle))
            for number in transaction * size..<(transaction + 1) * size {
                try produce(records[number % records.count])
                if number % 100 == 0 { rd_kafka_poll(handle, 0) }
            }
            try Self.check(rd_kafka_commit_transaction(handle, Self.patience))
        }
        guard Self.delivered.load(ordering: .relaxed) == transactions * size else {
            throw Failure(text: "not all were delivered")
        }
    }

    private func produce(_ record: Record) throws {
        while true {
            let headers = rd_kafka_headers_new(record.headers.count)
            for (name, value) in record.headers {
                name.withUnsafeBufferPointer { name in
                    _ = rd_kafka_header_add(headers, name.baseAddress, name.count - 1, value, value.count)
                }
            }
            let code = daybook_rdkafka_produce(
                handle, topic, record.key, record.key.count, record.value, record.value.count, headers, nil)
            if code == RD_KAFKA_RESP_ERR_NO_ERROR { return }
            rd_kafka_headers_destroy(headers)
            guard code == RD_KAFKA_RESP_ERR__QUEUE_FULL else { throw Failure(text: "produce: \(code)") }
            rd_kafka_poll(handle, 1)
        }
    }

    /// - Parameter error: Is freed.
    private static func check(_ error: OpaquePointer?) throws {
        guard let error else { return }
        defer { rd_kafka_error_destroy(error) }
        throw Failure(text: String(cString: rd_kafka_error_string(error)))
    }

    func close() {
        rd_kafka_topic_destroy(topic)
        rd_kafka_destroy(handle)
    }
}
