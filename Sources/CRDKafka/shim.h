#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

/// `rd_kafka_producev` takes a list of arguments of any length, which Swift does not call. Key and value are copied; the
/// headers are taken over when this succeeds, and only then.
static inline rd_kafka_resp_err_t daybook_rdkafka_produce(
    rd_kafka_t *handle, rd_kafka_topic_t *topic, const void *key, size_t key_length, const void *value,
    size_t value_length, rd_kafka_headers_t *headers, void *opaque) {
    return rd_kafka_producev(
        handle, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key, key_length),
        RD_KAFKA_V_VALUE((void *)value, value_length), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(opaque),
        RD_KAFKA_V_END);
}
