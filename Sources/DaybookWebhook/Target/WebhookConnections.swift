#if Webhook
import AsyncHTTPClient
import DaybookCore
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// The connections to a receiver; they close when nobody holds this any more.
final class WebhookConnections: Sendable {
    struct Answer: Sendable {
        var status: Int
        var retryAfter: String?
    }

    private final class Received: Sendable { let answer = Mutex<Answer?>(nil) }

    /// The request took longer than it may.
    struct TimedOut: Error {}

    /// Of an answer's body so much is read, for the connection to be used again, and nothing is looked at.
    private static let answerBytes = 64 << 10

    private let client: HTTPClient
    private let timeout: Duration

    init(count: Int, timeout: Duration) {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = count
        // The publisher sends again, with longer and longer waits; a second such loop below it would only hide failures.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.idleTimeout = .seconds(30)
        configuration.timeout.connect = .nanoseconds(Int64(clamping: timeout.nanoseconds))
        client = HTTPClient(configuration: configuration)
        self.timeout = timeout
    }

    deinit { client.shutdown { _ in } }

    func post(_ body: [UInt8], to url: String, headers: HTTPHeaders) async throws -> Answer {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers = headers
        request.body = .bytes(ByteBuffer(bytes: body))
        let received = Received()
        return try await withThrowingTaskGroup(of: Answer?.self) { [request] group in
            group.addTask {
                let response = try await self.client.execute(request, deadline: .distantFuture)
                let answer = Answer(
                    status: Int(response.status.code), retryAfter: response.headers.first(name: "retry-after"))
                // The answer counts, whatever becomes of its body, and however long that takes.
                received.answer.withLock { $0 = answer }
                var bytes = 0
                do {
                    for try await part in response.body {
                        bytes += part.readableBytes
                        if bytes > Self.answerBytes { break }
                    }
                } catch {}
                return answer
            }
            group.addTask {
                try await Task.sleep(for: self.timeout)
                return received.answer.withLock { $0 }
            }
            defer { group.cancelAll() }
            guard let answer = try await group.next() ?? nil else { throw TimedOut() }
            return answer
        }
    }

    /// What went wrong, without what was sent and to which path.
    static func reason(_ error: any Error) -> String {
        switch error {
        case is TimedOut: "it did not answer in time"
        case let error as HTTPClientError: error.shortDescription
        case is NIOConnectionError: "no connection could be made"
        default: "\(type(of: error))"
        }
    }
}

extension Duration {
    var nanoseconds: Int128 {
        Int128(components.seconds) * 1_000_000_000 + Int128(components.attoseconds / 1_000_000_000)
    }
}
#endif
