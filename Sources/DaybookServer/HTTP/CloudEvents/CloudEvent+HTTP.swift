#if Server
import Daybook
import DaybookCore
import HTTPTypes

/// The forms in which a body holds events of CloudEvents 1.0.
///
/// See https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
extension CloudEvent {
    static let batchContentType = "application/cloudevents-batch+json"
    private static let headerPrefix = "ce-"

    /// The events of a request: one as JSON, several as an array of JSON, or one whose attributes are in headers.
    static func events(of headers: HTTPFields, body: [UInt8]) throws(HTTPProblem) -> [CloudEvent] {
        let type = headers[.contentType].map { HTTPMediaType($0).name } ?? ""
        do throws(InvalidCloudEvent) {
            switch type {
            case structuredContentType.rawValue: return [try CloudEvent(json: body)]
            case batchContentType: return try batch(body)
            default: return [try CloudEvent(binary: headers, body: body)]
            }
        } catch {
            throw HTTPProblem(
                .badRequest, "malformedCloudEvent", title: "The body is no event of CloudEvents 1.0.",
                detail: error.description)
        }
    }

    private static func batch(_ body: [UInt8]) throws(InvalidCloudEvent) -> [CloudEvent] {
        let value: JSONText
        do { value = try JSONText(parsing: body[...]) } catch { throw InvalidCloudEvent(.notJSON("\(error)")) }
        guard let elements = value.elements else { throw InvalidCloudEvent(.notJSON("It is no array.")) }
        var events: [CloudEvent] = []
        for element in elements { events.append(try CloudEvent(json: Array(element.bytes))) }
        return events
    }

    /// The binary form: attributes in headers that begin with `ce-`, the data as the body.
    private init(binary headers: HTTPFields, body: [UInt8]) throws(InvalidCloudEvent) {
        var attributes: [(name: String, value: String)] = []
        for header in headers where header.name.canonicalName.hasPrefix(Self.headerPrefix) {
            let name = String(header.name.canonicalName.dropFirst(Self.headerPrefix.count))
            guard name != "datacontenttype" else {
                throw InvalidCloudEvent(.malformed(name, "In the binary form it is the header Content-Type."))
            }
            guard let value = HeaderText.decoded(header.value) else {
                throw InvalidCloudEvent(.malformed(name, "Its percent-encoding or its quotes are broken."))
            }
            guard !attributes.contains(where: { $0.name == name }) else {
                throw InvalidCloudEvent(.malformed(name, "It stands there twice."))
            }
            attributes.append((name, value))
        }
        guard !attributes.isEmpty else {
            throw InvalidCloudEvent(
                .unknownForm(
                    "there is no header that begins with ce-, and Content-Type is neither \(Self.structuredContentType) "
                        + "nor \(Self.batchContentType)."))
        }
        if let contentType = headers[.contentType] { attributes.append(("datacontenttype", contentType)) }
        try self.init(attributes: attributes, data: body)
    }
}
#endif
