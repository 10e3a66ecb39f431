#if Kafka
import CRDKafka
import Daybook

/// A record as it was fetched, read as a cloud event.
struct IncomingRecord {
    let offset: Int64
    let message: ReceivedMessage

    /// - Parameter record: Without an error; it is copied.
    init(_ record: UnsafeMutablePointer<rd_kafka_message_t>, lane: String) {
        let fields = record.pointee
        offset = fields.offset
        let value = fields.payload.map { [UInt8](UnsafeRawBufferPointer(start: $0, count: fields.len)) }
        let headers = Self.headers(of: record)
        message = ReceivedMessage(
            origin: "\(lane)@\(offset)",
            content: Result { () throws(InvalidCloudEvent) in try Self.event(headers, value) }, body: value ?? [],
            attributes: Self.attributes(headers))
    }

    /// What may be attributes, for whoever reads a record again that is no event today.
    private static func attributes(_ headers: [(name: String, value: [UInt8]?)]) -> [String: String] {
        var attributes: [String: String] = [:]
        for (name, bytes) in headers {
            guard let bytes, let text = String(validating: bytes, as: UTF8.self) else { continue }
            if name.hasPrefix(RecordHeader.prefix) {
                attributes[String(name.dropFirst(RecordHeader.prefix.count))] = text
            } else if name.lowercased() == RecordHeader.contentType {
                attributes["datacontenttype"] = text
            }
        }
        return attributes
    }

    private static func headers(
        of record: UnsafeMutablePointer<rd_kafka_message_t>
    ) -> [(name: String, value: [UInt8]?)] {
        var list: OpaquePointer?
        guard rd_kafka_message_headers(record, &list) == RD_KAFKA_RESP_ERR_NO_ERROR, let list else { return [] }
        let count = rd_kafka_header_cnt(list)
        var headers: [(name: String, value: [UInt8]?)] = []
        headers.reserveCapacity(count)
        for index in 0..<count {
            var name: UnsafePointer<CChar>?
            var value: UnsafeRawPointer?
            var size = 0
            guard rd_kafka_header_get_all(list, index, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR, let name
            else { break }
            headers.append(
                (String(cString: name), value.map { [UInt8](UnsafeRawBufferPointer(start: $0, count: size)) }))
        }
        return headers
    }

    /// Reads the binary or the structured form.
    static func event(
        _ headers: [(name: String, value: [UInt8]?)], _ value: [UInt8]?
    ) throws(InvalidCloudEvent) -> CloudEvent {
        var contentType: String?
        var attributes: [(name: String, value: String)] = []
        for (name, bytes) in headers {
            let isContentType = name.lowercased() == RecordHeader.contentType
            guard isContentType || name.hasPrefix(RecordHeader.prefix) else { continue }
            // A header without a value is as good as none.
            guard let bytes else { continue }
            let attribute = isContentType ? "datacontenttype" : String(name.dropFirst(RecordHeader.prefix.count))
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw InvalidCloudEvent(.malformed(attribute, "The header '\(name)' is no UTF-8."))
            }
            if isContentType { contentType = contentType ?? text }
            attributes.append((attribute, text))
        }
        if let contentType, contentType.lowercased().hasPrefix(RecordHeader.structuredType) {
            let type = contentType.lowercased().prefix { $0 != ";" && $0 != " " }
            guard type == CloudEvent.structuredContentType.rawValue || type == RecordHeader.structuredType else {
                throw InvalidCloudEvent(.unknownForm("the content type '\(contentType)', where JSON is understood."))
            }
            guard let value else { throw InvalidCloudEvent(.unknownForm("a record without a value (a tombstone).")) }
            return try CloudEvent(json: value)
        }
        guard attributes.contains(where: { $0.name == "specversion" }) else {
            guard value != nil else { throw InvalidCloudEvent(.unknownForm("a record without a value (a tombstone).")) }
            throw InvalidCloudEvent(
                .unknownForm(
                    "a record without the header 'ce_specversion', and of content type '\(contentType ?? "none")'."))
        }
        // An event without data is a record without a value.
        return try CloudEvent(attributes: attributes, data: value ?? [])
    }
}
#endif
