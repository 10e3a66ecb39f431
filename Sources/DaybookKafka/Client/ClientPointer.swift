#if Kafka
/// A pointer to one of librdkafka's objects, which may be used on every thread.
struct ClientPointer: @unchecked Sendable {
    let pointer: OpaquePointer
}
#endif
