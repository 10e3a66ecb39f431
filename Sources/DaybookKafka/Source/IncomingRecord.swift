#if Kafka
import CRDKafka
import Daybook

/// A record as it was fetched, read as a cloud event.
struct IncomingRecord {
    let offset: Int64
    let message: ReceivedMessage

    /// - Parameter record: Without an error; it is copied.
    init(_ record: UnsafeMutablePointer<rd_kafka_message_t>, lane: String, names: inout HeaderNames) {
        let fields = record.pointee
        offset = fields.offset
        let value = fields.payload.map { [UInt8](UnsafeRawBufferPointer(start: $0, count: fields.len)) }
        let headers = Self.headers(of: record, &names)
        // A topic that was made anew, or that of another cluster, has the same offsets once more.
        let written = rd_kafka_message_timestamp(record, nil)
        message = ReceivedMessage(
            origin: "\(lane)@\(offset)/\(written)",
            content: Result { () throws(InvalidCloudEvent) in try Self.event(headers, value) }, body: value ?? [],
            attributes: Self.attributes(headers))
    }

    /// What may be attributes, for whoever reads a record again that is no event today; of a header that stands there twice, the
    /// first counts.
    private static func attributes(_ headers: [Header]) -> [String: String] {
        var attributes: [String: String] = [:]
        for header in headers where attributes[header.name.attribute] == nil {
            if case .text(let text)? = header.value { attributes[header.name.attribute] = text }
        }
        return attributes
    }

    /// A header that may be an attribute.
    struct Header {
        enum Value {
            case text(String)
            case notUTF8
        }

        let name: HeaderName
        let value: Value?
    }

    private static func headers(
        of record: UnsafeMutablePointer<rd_kafka_message_t>, _ names: inout HeaderNames
    ) -> [Header] {
        var list: OpaquePointer?
        guard rd_kafka_message_headers(record, &list) == RD_KAFKA_RESP_ERR_NO_ERROR, let list else { return [] }
        let count = rd_kafka_header_cnt(list)
        var headers: [Header] = []
        headers.reserveCapacity(count)
        for index in 0..<count {
            var name: UnsafePointer<CChar>?
            var value: UnsafeRawPointer?
            var size = 0
            guard rd_kafka_header_get_all(list, index, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR, let name
            else { break }
            guard let name = names.name(at: index, name) else { continue }
            let bytes = value.map { UnsafeRawBufferPointer(start: $0, count: size) }
            headers.append(
                Header(
                    name: name,
                    value: bytes.map { bytes in
                        let text = String(decoding: bytes, as: UTF8.self)
                        // What is no UTF-8 was repaired.
                        return text.utf8.elementsEqual(bytes) ? .text(text) : .notUTF8
                    }))
        }
        return headers
    }

    /// Reads the binary or the structured form.
    static func event(_ headers: [Header], _ value: [UInt8]?) throws(InvalidCloudEvent) -> CloudEvent {
        var contentType: String?
        var attributes: [(name: String, value: String)] = []
        attributes.reserveCapacity(headers.count)
        for header in headers {
            switch header.value {
            case nil: continue  // A header without a value is as good as none.
            case .notUTF8?:
                throw InvalidCloudEvent(
                    .malformed(header.name.attribute, "The header '\(header.name.text)' is no UTF-8."))
            case .text(let text)?:
                if header.name.isContentType { contentType = contentType ?? text }
                attributes.append((header.name.attribute, text))
            }
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
