#if Webhook
import Daybook
import NIOHTTP1

/// What a request says, before it is signed.
struct WebhookRequestDraft: Sendable {
    var id: String
    var headers: HTTPHeaders
    var body: [UInt8]

    /// One event; in the structured form if the binary one cannot carry it.
    init(_ event: CloudEvent, in form: WebhookForm) {
        id = HeaderText.encoded(event.id)
        if form == .binary, let headers = event.binaryHeaders {
            self.headers = headers
            body = event.data
        } else {
            headers = ["content-type": CloudEvent.structuredContentType.rawValue]
            body = event.json
        }
    }

    /// Several events, which have the same identifier together whenever they are sent together.
    init(batch events: [CloudEvent]) {
        id = HeaderText.encoded(events.first?.id ?? "") + (events.count > 1 ? "+\(events.count - 1)" : "")
        headers = ["content-type": CloudEvent.batchContentType]
        body = CloudEvent.batch(events)
    }
}
#endif
