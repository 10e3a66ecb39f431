#if Webhook
import DaybookCore

/// How a ``WebhookTarget`` sends.
public struct WebhookTargetPolicy: Sendable {
    /// The statuses that say that the event itself will never be taken, which parks its stream: 400 Bad Request, 410 Gone,
    /// 413 Content Too Large, 415 Unsupported Media Type, 422 Unprocessable Content and 431 Request Header Fields Too Large.
    ///
    /// 2xx acknowledges an event. Every other status says something of the receiver, its permissions or its load, and not
    /// of the event, so that it is sent again: redirects, which are not followed; 401, 403 and 407, whose reason is a
    /// password that has expired; 404 and 405, a receiver that is being rolled out; 408, 409, 423, 425 and 429; and 5xx.
    public static let refusingStatuses: Set<Int> = [400, 410, 413, 415, 422, 431]

    public let form: WebhookForm
    /// The requests under way at once, of all streams; 1 to 1 000. So many connections are kept.
    public let concurrency: Int
    /// How long a request may take, until its answer has arrived; at least a millisecond.
    public let timeout: Duration
    /// The longest that a receiver can ask to be spared by `Retry-After`; it is believed with 429 and 5xx alone.
    public let retryAfterCeiling: Duration
    /// See ``refusingStatuses``; those of 2xx do not count.
    public let refusing: Set<Int>
    /// Further headers of each request, such as `Authorization`.
    public let headers: [String: String]
    /// Whether the address may begin with `http:` though it is not this machine's own: whoever is between can read the events.
    public let allowsPlainHTTP: Bool

    /// Values outside the bounds are moved to the nearest bound.
    public init(
        form: WebhookForm = .structured, concurrency: Int = 32, timeout: Duration = .seconds(30),
        retryAfterCeiling: Duration = .seconds(60), refusing: Set<Int> = WebhookTargetPolicy.refusingStatuses,
        headers: [String: String] = [:], allowsPlainHTTP: Bool = false
    ) {
        self.form = form
        self.concurrency = min(max(1, concurrency), 1000)
        self.timeout = max(timeout, .milliseconds(1))
        self.retryAfterCeiling = max(.zero, retryAfterCeiling)
        self.refusing = refusing
        self.headers = headers
        self.allowsPlainHTTP = allowsPlainHTTP
    }
}

/// Its description names the further headers, and shows no value: there may be passwords among them.
extension WebhookTargetPolicy: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String {
        "webhook policy: \(form), \(concurrency) requests at once, \(timeout) each, headers \(headers.keys.sorted())"
    }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["description": description]) }
}
#endif
