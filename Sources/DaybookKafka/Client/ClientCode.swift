#if Kafka
import CRDKafka

/// librdkafka's error codes, with name and text.
extension rd_kafka_resp_err_t {
    var name: String { String(cString: rd_kafka_err2name(self)) }
    var text: String { String(cString: rd_kafka_err2str(self)) }
}

/// The error object of librdkafka's transactions, read and freed.
struct ClientFailure: Error {
    var code: rd_kafka_resp_err_t
    var reason: String
    var isFatal = false
    var isRetriable = false
    var requiresAbort = false

    init(_ code: rd_kafka_resp_err_t, _ reason: String? = nil) {
        self.code = code
        self.reason = reason ?? code.text
    }

    /// - Parameter error: Is freed. Nil when there is none.
    init?(consuming error: OpaquePointer?) {
        guard let error else { return nil }
        code = rd_kafka_error_code(error)
        reason = String(cString: rd_kafka_error_string(error))
        isFatal = rd_kafka_error_is_fatal(error) != 0
        isRetriable = rd_kafka_error_is_retriable(error) != 0
        requiresAbort = rd_kafka_error_txn_requires_abort(error) != 0
        rd_kafka_error_destroy(error)
    }
}
#endif
