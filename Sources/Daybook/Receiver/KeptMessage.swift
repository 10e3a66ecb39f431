import DaybookCore
import Foundation

/// A message as a receiver keeps it, byte for byte, so that an event that is replayed is the one that came.
struct KeptMessage: Codable {
    private struct Event: Codable {
        var id: String
        var source: String
        var type: EventType
        var subject: String?
        var time: Timestamp?
        var contentType: ContentType
        var data: String
        var extensions: [String: String]
    }

    private var origin: String
    private var event: Event?
    /// Of what is no event; in base 64, as all bytes are.
    private var body: String?
    private var attributes: [String: String]?

    init(_ message: ReceivedMessage) {
        origin = message.origin
        switch message.content {
        case .success(let event):
            self.event = Event(
                id: event.id, source: event.source, type: event.type, subject: event.subject, time: event.time,
                contentType: event.contentType, data: Data(event.data).base64EncodedString(),
                extensions: event.extensions)
        case .failure:
            body = Data(message.body).base64EncodedString()
            attributes = message.attributes
        }
    }

    /// What is no event is read again, by what this program knows today.
    var message: ReceivedMessage {
        if let event {
            let data = Array(Data(base64Encoded: event.data) ?? Data())
            return ReceivedMessage(
                origin: origin,
                content: .success(
                    CloudEvent(
                        id: event.id, source: event.source, type: event.type, subject: event.subject, time: event.time,
                        contentType: event.contentType, data: data, extensions: event.extensions)),
                body: data)
        }
        let body = Array(Data(base64Encoded: body ?? "") ?? Data())
        let attributes = attributes ?? [:]
        // As sources read it: in the structured form, attributes that stand beside the JSON as well do not count.
        let type = attributes["datacontenttype"]?.lowercased() ?? ""
        let content = Result { () throws(InvalidCloudEvent) in
            attributes["specversion"] == nil || type.hasPrefix("application/cloudevents")
                ? try CloudEvent(json: body)
                : try CloudEvent(attributes: attributes.map { (name: $0.key, value: $0.value) }, data: body)
        }
        return ReceivedMessage(origin: origin, content: content, body: body, attributes: attributes)
    }
}
