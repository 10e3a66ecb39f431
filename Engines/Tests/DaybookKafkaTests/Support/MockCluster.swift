import CRDKafka

/// librdkafka's pretended cluster, whose brokers answer with the errors that they are told to.
final class MockCluster: @unchecked Sendable {
    /// Kafka's numbers of requests.
    enum Request: Int16 {
        case produce = 0
        case fetch = 1
        case metadata = 3
        case offsetCommit = 8
        case initProducerID = 22
    }

    private let client: RawClient
    let cluster: OpaquePointer

    init(brokers: Int32 = 3) throws {
        client = try RawClient(RD_KAFKA_PRODUCER, ["client.id": "mock"])
        guard let cluster = rd_kafka_mock_cluster_new(client.handle, brokers) else {
            throw RawFailure("there is no mock cluster")
        }
        self.cluster = cluster
    }

    var servers: String { String(cString: rd_kafka_mock_cluster_bootstraps(cluster)) }

    func create(_ topic: String, _ partitions: Int32) { rd_kafka_mock_topic_create(cluster, topic, partitions, 1) }

    /// The next requests of the kind are answered so, one each.
    func fail(_ request: Request, _ errors: rd_kafka_resp_err_t...) {
        var errors = errors
        rd_kafka_mock_push_request_errors_array(cluster, request.rawValue, errors.count, &errors)
    }

    func stop(broker: Int32) { rd_kafka_mock_broker_set_down(cluster, broker) }
    func start(broker: Int32) { rd_kafka_mock_broker_set_up(cluster, broker) }
    func lead(_ topic: String, _ partition: Int32, by broker: Int32) {
        rd_kafka_mock_partition_set_leader(cluster, topic, partition, broker)
    }
    func delay(broker: Int32, milliseconds: Int32) { rd_kafka_mock_broker_set_rtt(cluster, broker, milliseconds) }

    func destroy() {
        rd_kafka_mock_cluster_destroy(cluster)
        client.destroy()
    }
}
