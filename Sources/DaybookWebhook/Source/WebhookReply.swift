#if Webhook
import NIOHTTP1

/// How a request is answered.
struct WebhookReply: Sendable, Equatable {
    var status: HTTPResponseStatus
    var headers: [String: String] = [:]
    /// Why, for whoever looks after the sender; never anything that was sent.
    var reason: String = ""
}
#endif
