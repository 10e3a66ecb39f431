#if Kafka
/// How a cloud event is written as a Kafka record: the two content modes of CloudEvents' Kafka binding
/// (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md).
public enum KafkaForm: Sendable, Equatable {
    /// Attributes as headers `ce_id`, `ce_type` and so on, `content-type` for that of the data, and the data as the value.
    case binary
    /// One JSON object as the value, under the header `content-type: application/cloudevents+json`.
    case structured
}
#endif
