#if Webhook
import Daybook
import DaybookCore
import NIOHTTP1

/// What of a request is checked, and in which order; without a socket.
struct WebhookGate: Sendable {
    let path: String
    let secrets: [WebhookSecret]
    let policy: WebhookSourcePolicy
    let time: TimeSource

    /// What can be said before the body has come; nil to go on.
    func reply(to head: HTTPRequestHead) -> WebhookReply? {
        guard head.uri.prefix(while: { $0 != "?" }) == path else { return WebhookReply(status: .notFound) }
        switch head.method {
        case .POST: break
        case .OPTIONS where policy.handshake != .off: return handshakeReply(to: head.headers)
        default: return WebhookReply(status: .methodNotAllowed, headers: ["Allow": allowed])
        }
        if let length = head.headers.first(name: "content-length"), (Int(length) ?? .max) > policy.bodyBytes {
            return tooLarge
        }
        if case .failure(let failure) = stamp(head.headers) { return failure.reply }
        let mediaType = HTTPMediaType(head.headers.first(name: "content-type") ?? "")
        guard !mediaType.isCloudEvents || mediaType.isUTF8 else {
            return WebhookReply(status: .unsupportedMediaType, reason: "JSON is written in UTF-8.")
        }
        switch mediaType.name {
        case CloudEvent.structuredContentType.rawValue, CloudEvent.batchContentType: return nil
        case _ where mediaType.isCloudEvents:
            return WebhookReply(status: .unsupportedMediaType, reason: "Of the structured forms, JSON is taken.")
        case _ where policy.acceptsBinary && head.headers.contains(name: "ce-specversion"): return nil
        default:
            return WebhookReply(
                status: .unsupportedMediaType,
                reason: policy.acceptsBinary
                    ? "It is no cloud event." : "It is no cloud event in the structured form, the only one taken.")
        }
    }

    var tooLarge: WebhookReply {
        WebhookReply(status: .payloadTooLarge, reason: "The limit is \(policy.bodyBytes) bytes.")
    }

    /// Reads a whole request.
    ///
    /// - Returns: Its events, none when it is an empty batch; or why it has none.
    func events(head: HTTPRequestHead, body: [UInt8]) -> Result<[ReceivedMessage], WebhookReply.Failure> {
        switch stamp(head.headers) {
        case .failure(let failure): return .failure(failure)
        case .success(let stamp):
            guard
                WebhookSignature.isValid(
                    stamp.signature, id: stamp.id, timestamp: stamp.timestamp, body: body, secrets: secrets)
            else {
                return .failure(WebhookReply.Failure(reply: unauthorized("The signature fits none of the secrets.")))
            }
            do throws(InvalidCloudEvent) {
                let events: [CloudEvent]
                switch HTTPMediaType(head.headers.first(name: "content-type") ?? "").name {
                case CloudEvent.structuredContentType.rawValue: events = [try CloudEvent(json: body)]
                case CloudEvent.batchContentType: events = try CloudEvent.events(inBatch: body)
                default:
                    let event = try CloudEvent(binaryHeaders: head.headers, body: body)
                    // Of the attributes, the signature covers this one, and only by the header that repeats it.
                    guard let signed = HeaderText.decoded(stamp.id), signed.utf8.elementsEqual(event.id.utf8) else {
                        let reply = unauthorized("In the binary form, webhook-id is the event's identifier.")
                        return .failure(WebhookReply.Failure(reply: reply))
                    }
                    events = [event]
                }
                return .success(
                    events.map { event in
                        // The same however often it comes, and with whichever others; only source and identifier name an
                        // event together.
                        ReceivedMessage(
                            origin: "\(path)#\(event.source.utf8.count).\(event.source)#\(event.id)",
                            content: .success(event), body: events.count == 1 ? body : event.json)
                    })
            } catch {
                return .failure(
                    WebhookReply.Failure(reply: WebhookReply(status: .badRequest, reason: error.withoutValues)))
            }
        }
    }

    private struct Stamp {
        var id: String
        var timestamp: String
        var signature: String
    }

    /// The headers of the signature, if there is one of each and the time is near.
    private func stamp(_ headers: HTTPHeaders) -> Result<Stamp, WebhookReply.Failure> {
        let values = ["webhook-id", "webhook-timestamp", "webhook-signature"].map { headers[$0] }
        guard values.allSatisfy({ $0.count == 1 && !$0[0].isEmpty }) else {
            return .failure(.init(reply: unauthorized("The request is not signed as Standard Webhooks asks.")))
        }
        let stamp = Stamp(id: values[0][0], timestamp: values[1][0], signature: values[2][0])
        guard let seconds = WebhookSignature.seconds(stamp.timestamp), isNear(seconds) else {
            return .failure(.init(reply: unauthorized("The time of the request is too far from ours.")))
        }
        return .success(stamp)
    }

    private func isNear(_ seconds: Int64) -> Bool {
        let now = time.now.microseconds / 1_000_000
        let (distance, overflow) = now.subtractingReportingOverflow(seconds)
        return !overflow && distance.magnitude <= UInt64(policy.tolerance.components.seconds)
    }

    private func unauthorized(_ reason: String) -> WebhookReply { WebhookReply(status: .unauthorized, reason: reason) }

    private var allowed: String { policy.handshake == .off ? "POST" : "POST, OPTIONS" }

    private func handshakeReply(to headers: HTTPHeaders) -> WebhookReply {
        var reply = WebhookReply(status: .ok, headers: ["Allow": allowed])
        guard let origin = headers.first(name: "webhook-request-origin") else { return reply }
        switch policy.handshake {
        case .off: break
        case .anyOrigin: reply.headers["WebHook-Allowed-Origin"] = "*"
        case .origins(let origins) where origins.contains(origin): reply.headers["WebHook-Allowed-Origin"] = origin
        case .origins: return reply
        }
        reply.headers["WebHook-Allowed-Rate"] = "*"
        return reply
    }
}

extension WebhookReply {
    /// A reply where a `Result` needs an error.
    struct Failure: Error, Equatable { var reply: WebhookReply }
}

extension InvalidCloudEvent {
    /// What is wrong, for the sender, without what it sent but for names of attributes.
    fileprivate var withoutValues: String {
        switch reason {
        case .unknownForm, .notJSON: "It is no cloud event in JSON."
        case .version: "It is a cloud event of another version than 1.0."
        case .missing(let name) where name.utf8.count <= 40: "The cloud event has no attribute '\(name)'."
        case .empty(let name) where name.utf8.count <= 40: "The cloud event's attribute '\(name)' is empty."
        case .missing, .empty, .malformed: "An attribute of the cloud event is malformed."
        }
    }
}
#endif
