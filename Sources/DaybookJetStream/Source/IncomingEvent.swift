#if JetStream
import CNATS
import Daybook

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A message of a lane as it was delivered, read as a cloud event.
struct IncomingEvent: Sendable {
    /// In the stream.
    let sequence: Int64
    /// Where its acknowledgement goes.
    let reply: String
    let message: ReceivedMessage
    /// Bytes that it takes, about.
    let size: Int

    /// - Parameter stream: The stream, and when it was made: one that is made anew begins with the same sequences.
    init(_ message: borrowing IncomingMessage, _ delivery: ConsumerDelivery, reply: String, stream: String) {
        sequence = delivery.sequence
        self.reply = reply
        let headers = message.headers
        let body = message.body
        size = headers.reduce(body.count + 200) { $0 + $1.name.utf8.count + $1.value.utf8.count }
        self.message = ReceivedMessage(
            origin: "\(stream)@\(delivery.sequence)",
            content: Result { () throws(InvalidCloudEvent) in try Self.event(headers, body) }, body: body,
            attributes: Self.attributes(headers))
    }

    /// What may be attributes, for whoever reads a message again that is no event today.
    private static func attributes(_ headers: [(name: String, value: String)]) -> [String: String] {
        var attributes: [String: String] = [:]
        for (name, value) in headers {
            if name == MessageHeader.contentType {
                attributes["datacontenttype"] = value
            } else if name.hasPrefix(MessageHeader.prefix) {
                attributes[String(name.dropFirst(MessageHeader.prefix.count))] = HeaderText.decoded(value) ?? value
            }
        }
        return attributes
    }

    /// Reads the binary or the structured form.
    ///
    /// - Parameter headers: Their names are in lower case.
    static func event(
        _ headers: [(name: String, value: String)], _ body: [UInt8]
    ) throws(InvalidCloudEvent) -> CloudEvent {
        let contentType = headers.first { $0.name == MessageHeader.contentType }?.value
        if let contentType, contentType.lowercased().hasPrefix(MessageHeader.structuredType) {
            let type = contentType.lowercased().prefix { $0 != ";" && $0 != " " }
            guard type == CloudEvent.structuredContentType.rawValue || type == MessageHeader.structuredType else {
                throw InvalidCloudEvent(.unknownForm("the content type '\(contentType)', where JSON is understood."))
            }
            return try CloudEvent(json: body)
        }
        var attributes: [(name: String, value: String)] = []
        for (name, value) in headers where name.hasPrefix(MessageHeader.prefix) {
            let attribute = String(name.dropFirst(MessageHeader.prefix.count))
            guard let text = HeaderText.decoded(value) else {
                throw InvalidCloudEvent(.malformed(attribute, "Its percent-encoding or its quotes are broken."))
            }
            attributes.append((attribute, text))
        }
        guard attributes.contains(where: { $0.name == "specversion" }) else {
            // Senders that know no headers write JSON, and say nothing about it.
            if attributes.isEmpty, let event = try? CloudEvent(json: body) { return event }
            throw InvalidCloudEvent(
                .unknownForm(
                    "a message without the header 'ce-specversion', and of content type '\(contentType ?? "none")'."))
        }
        // Some senders name it as HTTP does.
        if let contentType { attributes.append(("datacontenttype", contentType)) }
        return try CloudEvent(attributes: attributes, data: body)
    }
}

extension IncomingMessage {
    /// All headers, their names in lower case; of one that stands there several times, all values.
    var headers: [(name: String, value: String)] {
        var headers: [(name: String, value: String)] = []
        withRawMessage { message in
            var names: UnsafeMutablePointer<UnsafePointer<CChar>?>?
            var count: Int32 = 0
            guard natsMsgHeader_Keys(message, &names, &count) == NATS_OK, let names else { return }
            defer { free(names) }
            for index in 0..<Int(count) {
                guard let name = names[index] else { continue }
                var values: UnsafeMutablePointer<UnsafePointer<CChar>?>?
                var valueCount: Int32 = 0
                guard natsMsgHeader_Values(message, name, &values, &valueCount) == NATS_OK, let values else { continue }
                defer { free(values) }
                for value in 0..<Int(valueCount) {
                    guard let text = values[value] else { continue }
                    headers.append((String(cString: name).lowercased(), String(cString: text)))
                }
            }
        }
        return headers
    }
}
#endif
