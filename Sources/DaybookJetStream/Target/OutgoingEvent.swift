#if JetStream
import Daybook
import DaybookCore

/// A cloud event in the form of a NATS message.
extension OutgoingMessage {
    init(_ event: CloudEvent, on subject: String, form: JetStreamForm, id: String) {
        self.init(subject: subject)
        headers.append((MessageHeader.messageID, id))
        switch form {
        case .binary:
            for (name, value) in event.attributes {
                headers.append((MessageHeader.prefix + name, HeaderText.encoded(value)))
            }
            body = event.data
        case .structured:
            headers.append((MessageHeader.contentType, CloudEvent.structuredContentType.rawValue))
            body = event.json
        }
    }

    /// What the servers know an event by. The prefix is part of it, since a stream may keep one event in two versions under two
    /// prefixes; the source is, since its identifiers are its own.
    static func id(of event: CloudEvent, under prefix: String) -> String {
        "\(prefix) \(HeaderText.encoded(event.source)) \(HeaderText.encoded(event.id))"
    }

    /// Bytes of headers and body, as the servers count them.
    var size: Int {
        // "NATS/1.0", and an empty line at the end.
        headers.reduce(body.count + 12) { $0 + $1.name.utf8.count + $1.value.utf8.count + 4 }
    }
}

extension OutgoingLane.Entry {
    init(
        _ event: CloudEvent, of message: PublisherMessage, isLast: Bool, _ configuration: JetStreamTarget.Configuration
    ) {
        self.message = message
        self.isLast = isLast
        id = OutgoingMessage.id(of: event, under: configuration.subjects.prefix)
        place = PublishedPlace(event)
        outgoing = OutgoingMessage(
            event, on: configuration.subjects.subject(of: message.key), form: configuration.form, id: id)
        size = outgoing.size
    }
}
#endif
