#if Webhook
import Daybook
import DaybookCore
import NIOHTTP1

/// The binary form over HTTP: attributes in headers that begin with `ce-`, the data as the body.
extension CloudEvent {
    static let batchContentType = "application/cloudevents-batch+json"

    /// The headers of the binary form; nil for an event that it cannot carry: its content type has other characters than
    /// headers may have, or is that of a structured form.
    var binaryHeaders: HTTPHeaders? {
        let isPrintable = contentType.rawValue.utf8.allSatisfy { (0x20...0x7E).contains($0) }
        guard isPrintable, !HTTPMediaType(contentType.rawValue).isCloudEvents else { return nil }
        var headers = HTTPHeaders()
        for (name, value) in attributes {
            if name == "datacontenttype" {
                headers.add(name: "content-type", value: value)
            } else {
                headers.add(name: "ce-\(name)", value: HeaderText.encoded(value))
            }
        }
        return headers
    }

    /// Reads the binary form.
    ///
    /// - Throws: ``InvalidCloudEvent``, also for an attribute that stands there twice.
    init(binaryHeaders headers: HTTPHeaders, body: [UInt8]) throws(InvalidCloudEvent) {
        var attributes: [String: String] = [:]
        for (name, value) in headers {
            let name = name.lowercased()
            guard name.hasPrefix("ce-") else { continue }
            let attribute = String(name.dropFirst(3))
            guard attribute != "datacontenttype" else {
                throw InvalidCloudEvent(.malformed(attribute, "In the binary form it is the header Content-Type."))
            }
            guard let text = HeaderText.decoded(value) else {
                throw InvalidCloudEvent(.malformed(attribute, "Its percent-encoding or its quotes are broken."))
            }
            guard attributes.updateValue(text, forKey: attribute) == nil else {
                throw InvalidCloudEvent(.malformed(attribute, "It stands there twice."))
            }
        }
        if let contentType = headers.first(name: "content-type") { attributes["datacontenttype"] = contentType }
        try self.init(attributes: attributes.map { ($0.key, $0.value) }, data: body)
    }

    /// Several events as one JSON array, of the media type ``batchContentType``.
    static func batch(_ events: some Sequence<CloudEvent>) -> [UInt8] {
        var bytes: [UInt8] = [UInt8(ascii: "[")]
        for event in events {
            if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
            bytes += event.json
        }
        bytes.append(UInt8(ascii: "]"))
        return bytes
    }

    /// Reads a JSON array of events.
    static func events(inBatch body: [UInt8]) throws(InvalidCloudEvent) -> [CloudEvent] {
        let value: JSONValue
        do { value = try JSONValue(parsing: body) } catch { throw InvalidCloudEvent(.notJSON("\(error)")) }
        guard case .array(let elements) = value else { throw InvalidCloudEvent(.notJSON("It is no array.")) }
        var events: [CloudEvent] = []
        for element in elements { events.append(try CloudEvent(json: element.bytes)) }
        return events
    }
}
#endif
