#if Webhook
import Daybook
import DaybookCore
import Foundation
import NIOCore
import NIOHTTP1
import Synchronization

/// Sends events to another program over HTTP, signed: a webhook.
///
/// ```swift
/// let target = try WebhookTarget("https://example.com/events", secrets: [WebhookSecret(secret)])
/// let publisher = EventPublisher("webhook", of: store, published, in: store, to: target)
/// ```
///
/// Events are POSTed as CloudEvents 1.0 and signed as Standard Webhooks (https://www.standardwebhooks.com) asks: `webhook-id`
/// is the event's identifier, the same however often it is sent, by which the receiver knows an event that it has; of a
/// request with several it is that of the first, with the number of events. To change a secret, sign with the old and the
/// new one until the receiver has the new one.
///
/// The events of one stream are sent one after another, each when the one before has been acknowledged; those of different
/// streams at once. What an answer means is said at ``WebhookTargetPolicy/refusingStatuses``. A receiver that asks for a
/// pause by `Retry-After` gets one, for all streams. Receivers are reached over TLS, by the roots that the machine trusts.
public struct WebhookTarget: BatchPublisherTarget {
    private let url: String
    private let host: String
    private let secrets: [WebhookSecret]
    private let policy: WebhookTargetPolicy
    private let time: TimeSource
    private let clock: any Clock<Duration>
    private let connections: WebhookConnections
    private let turns: WebhookTurns
    private let pause: WebhookPause

    /// - Parameters:
    ///   - url: Where the events are POSTed, such as `https://example.com/events`.
    ///   - secrets: Signs with each of them; at least one.
    ///   - policy: How requests are written, and how many at once.
    ///   - time: What requests say that the time is.
    ///   - clock: What it sleeps by when the receiver asks for a pause.
    /// - Throws: ``InvalidWebhook``.
    public init(
        _ url: String, secrets: [WebhookSecret], policy: WebhookTargetPolicy = WebhookTargetPolicy(),
        time: TimeSource = .system, clock: any Clock<Duration> = ContinuousClock()
    ) throws(InvalidWebhook) {
        guard let parsed = URL(string: url), let host = parsed.host, !host.isEmpty else { throw .address }
        switch parsed.scheme {
        case "https": break
        case "http" where policy.allowsPlainHTTP || Self.isLoopback(host): break
        case "http": throw .plainHTTP(host: host)
        case let scheme: throw .scheme(scheme ?? "")
        }
        guard !secrets.isEmpty else { throw .noSecret }
        for (name, value) in policy.headers {
            let isText = (name + value).utf8.allSatisfy { (0x20...0x7E).contains($0) }
            let isOwn =
                ["host", "content-type", "content-length", "transfer-encoding", "connection"]
                .contains(name.lowercased()) || name.lowercased().hasPrefix("webhook-")
                || name.lowercased().hasPrefix("ce-")
            guard isText, !isOwn, !name.isEmpty, !name.contains(where: { $0 == " " || $0 == ":" }) else {
                throw .header(name: name)
            }
        }
        self.url = url
        self.host = host
        self.secrets = secrets
        self.policy = policy
        self.time = time
        self.clock = clock
        connections = WebhookConnections(count: policy.concurrency, timeout: policy.timeout)
        turns = WebhookTurns(policy.concurrency)
        pause = WebhookPause(ceiling: policy.retryAfterCeiling)
    }

    public func send(_ messages: [PublisherMessage]) async {
        var streams: [String: [PublisherMessage]] = [:]
        for message in messages { streams[message.key, default: []].append(message) }
        await withDiscardingTaskGroup { group in
            for stream in streams.values { group.addTask { await send(stream: stream[...]) } }
        }
    }

    /// Sends messages of one stream until one is not acknowledged; what is behind it stays without an answer.
    private func send(stream messages: ArraySlice<PublisherMessage>) async {
        var rest = messages
        while !rest.isEmpty {
            let request = nextRequest(of: rest)
            guard let answer = await post(request) else { return }
            if case .refused = answer, request.count > 1 {
                guard await sendOneByOne(request) else { return }
            } else {
                // Of messages that are not taken, the first one stands for all: those behind it come again with it.
                if answer == .acknowledged {
                    for message in request { message.answer(answer) }
                } else {
                    request.first?.answer(answer)
                    return
                }
            }
            rest = rest.dropFirst(request.count)
        }
    }

    /// - Returns: Whether all were acknowledged.
    private func sendOneByOne(_ messages: ArraySlice<PublisherMessage>) async -> Bool {
        for message in messages {
            guard let answer = await post([message]) else { return false }
            message.answer(answer)
            guard answer == .acknowledged else { return false }
        }
        return true
    }

    /// How many messages go together.
    private func nextRequest(of messages: ArraySlice<PublisherMessage>) -> ArraySlice<PublisherMessage> {
        guard case .batches(let mostEvents, let mostBytes) = policy.form else { return messages.prefix(1) }
        var count = 0
        var events = 0
        var bytes = 0
        for message in messages {
            let size = message.events.reduce(0) { $0 + $1.data.count }
            guard count == 0 || (events + message.events.count <= mostEvents && bytes + size <= mostBytes) else {
                break
            }
            count += 1
            events += message.events.count
            bytes += size
        }
        return messages.prefix(count)
    }

    /// - Returns: Nil when the task was cancelled before an answer came.
    private func post(_ messages: ArraySlice<PublisherMessage>) async -> PublisherMessage.Answer? {
        let events = messages.flatMap(\.events)
        guard case .batches = policy.form else {
            for event in events {
                guard let answer = await post(WebhookRequestDraft(event, in: policy.form)) else { return nil }
                guard answer == .acknowledged else { return answer }
            }
            return .acknowledged
        }
        return await post(WebhookRequestDraft(batch: events))
    }

    private func post(_ draft: WebhookRequestDraft) async -> PublisherMessage.Answer? {
        await turns.take { () -> PublisherMessage.Answer? in
            do {
                try await pause.wait(time: time, clock: clock)
                let answer = try await connections.post(draft.body, to: url, headers: headers(of: draft))
                if let until = WebhookOutcome.retryTime(answer.retryAfter, status: answer.status, now: time.now) {
                    pause.extend(until: until)
                }
                return WebhookOutcome.answer(status: answer.status, host: host, policy: policy)
            } catch {
                if Task.isCancelled { return nil }
                return .failed(reason: "\(host): \(WebhookConnections.reason(error)).")
            }
        } ?? nil
    }

    private func headers(of draft: WebhookRequestDraft) -> HTTPHeaders {
        var headers = draft.headers
        let seconds = "\(time.now.microseconds / 1_000_000)"
        headers.add(name: "webhook-id", value: draft.id)
        headers.add(name: "webhook-timestamp", value: seconds)
        headers.add(
            name: "webhook-signature",
            value: WebhookSignature.header(id: draft.id, timestamp: seconds, body: draft.body, secrets: secrets))
        for (name, value) in policy.headers { headers.add(name: name, value: value) }
        return headers
    }

    private static func isLoopback(_ host: String) -> Bool {
        host == "localhost" || host == "::1" || host == "[::1]"
            || (host.hasPrefix("127.") && host.allSatisfy { $0.isNumber || $0 == "." })
    }
}
#endif
