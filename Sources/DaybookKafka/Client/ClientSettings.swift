#if Kafka
import CRDKafka

/// librdkafka's settings: those of the user, then our own.
struct ClientSettings: Sendable {
    private(set) var values: [(name: String, value: String)] = []

    /// - Parameters:
    ///   - own: What Daybook sets, which nobody may set otherwise.
    ///   - defaults: What the user may set otherwise.
    ///   - reserved: Further names that the user may not set, and what to do instead.
    init(
        user: [String: String], own: [String: String], defaults: [String: String] = [:], reserved: [String: String]
    ) throws(KafkaError) {
        for name in user.keys.sorted() {
            if let advice = reserved[name] { throw .reservedSetting(name: name, advice: advice) }
            if own[name] != nil {
                throw .reservedSetting(name: name, advice: "Daybook sets it, since order and durability depend on it.")
            }
        }
        var defaults = defaults
        if user["security.protocol"]?.lowercased().contains("ssl") == true {
            // Before librdkafka 2.0 a certificate is taken whatever name is in it.
            defaults["ssl.endpoint.identification.algorithm"] = "https"
        }
        values = defaults.filter { user[$0.key] == nil }.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        values += user.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        values += own.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    mutating func set(_ name: String, _ value: String) { values.append((name, value)) }

    /// A new configuration object; whoever makes a client of it gives it away.
    func makeConfiguration() throws(KafkaError) -> OpaquePointer {
        guard let configuration = rd_kafka_conf_new() else { preconditionFailure("librdkafka made no configuration.") }
        var text = [CChar](repeating: 0, count: 512)
        for (name, value) in values
        where rd_kafka_conf_set(configuration, name, value, &text, text.count) != RD_KAFKA_CONF_OK {
            rd_kafka_conf_destroy(configuration)
            throw .refusedSetting(name: name, reason: text.string)
        }
        return configuration
    }

    /// Finds out whether librdkafka takes each of them.
    func check() throws(KafkaError) { rd_kafka_conf_destroy(try makeConfiguration()) }

    /// A setting's value as librdkafka understands it.
    func value(_ name: String) throws(KafkaError) -> String? {
        let configuration = try makeConfiguration()
        defer { rd_kafka_conf_destroy(configuration) }
        var text = [CChar](repeating: 0, count: 512)
        var size = text.count
        return rd_kafka_conf_get(configuration, name, &text, &size) == RD_KAFKA_CONF_OK ? text.string : nil
    }
}

extension [CChar] {
    /// The text before the first zero.
    var string: String { String(decoding: prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) }
}
#endif
