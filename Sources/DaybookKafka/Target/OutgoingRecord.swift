#if Kafka
import CRDKafka
import Daybook
import DaybookCore

/// A cloud event in the form of a Kafka record, without its key.
struct OutgoingRecord {
    let value: [UInt8]
    /// Of librdkafka; owned by the record until it is produced.
    let headers: OpaquePointer
    /// Bytes of the value and the headers.
    let size: Int

    init(_ event: CloudEvent, form: KafkaForm) {
        var size = 0
        func add(_ name: String, _ text: String, to headers: OpaquePointer) {
            var name = name
            var text = text
            let error = name.withUTF8 { name in
                text.withUTF8 { text in
                    rd_kafka_header_add(
                        headers, UnsafeRawPointer(name.baseAddress!).assumingMemoryBound(to: CChar.self), name.count,
                        text.baseAddress ?? UnsafePointer(bitPattern: 1), text.count)
                }
            }
            precondition(error == RD_KAFKA_RESP_ERR_NO_ERROR, "A header was refused: \(error.name).")
            size += name.utf8.count + text.utf8.count
        }
        switch form {
        case .binary:
            let attributes = event.attributes
            headers = rd_kafka_headers_new(attributes.count)
            for (name, text) in attributes {
                let isContentType = name == "datacontenttype"
                add(isContentType ? RecordHeader.contentType : RecordHeader.prefix + name, text, to: headers)
            }
            value = event.data
        case .structured:
            headers = rd_kafka_headers_new(1)
            add(RecordHeader.contentType, CloudEvent.structuredContentType.rawValue, to: headers)
            value = event.json
        }
        self.size = size + value.count
    }
}

/// The names of headers in CloudEvents' Kafka binding.
enum RecordHeader {
    static let contentType = "content-type"
    static let prefix = "ce_"
    static let structuredType = "application/cloudevents"
}
#endif
