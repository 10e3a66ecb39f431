#if Server
import DaybookCore
import HTTPTypes
import Hummingbird

/// Follows the log: what is recorded, then what comes, as server-sent events.
///
/// See https://html.spec.whatwg.org/multipage/server-sent-events.html
struct FollowRoutes: Sendable {
    let store: any EventStore
    let metrics: ServerMetrics
    let limits: HTTPLimits
    let shutdown: HTTPShutdown

    var routes: [HTTPRoute] { [HTTPRoute(.get, "/v1/log/follow", answer: follow)] }

    @Sendable private func follow(_ call: HTTPCall) async throws -> Response {
        var query = try call.query()
        let stream = try query.name("stream", as: StreamName.self)
        if let stream {
            try await CallAccess.require(.read, of: stream)
        } else {
            try await CallAccess.require(.stream(.read, .log))
        }
        var filter = try query.logFilter()
        filter.includesControlEvents = try query.boolean("control") || (stream?.isControl ?? false)
        if let stream { filter.streamPrefixes.insert(stream.rawValue) }
        let start = try await self.start(call, &query)
        try query.finish()
        guard call.accepts.best(of: [ServerSentEvents.mediaType]) != nil else {
            throw HTTPProblem.notAcceptable([ServerSentEvents.mediaType])
        }
        guard !shutdown.hasBegun else { throw HTTPProblem.shuttingDown }
        let follower = HTTPFollower(
            store: store, reads: metrics.reads[.http], follows: metrics.follows[.http], filter: filter, stream: stream,
            start: start, pageSize: limits.eventsPerPiece, heartbeat: limits.heartbeat, shutdown: shutdown,
            access: CallAccess.current)
        // A filter that the store does not take is told of now, and not when the answer has begun.
        let first = try await follower.readPage(after: start)
        let body = call.request.body
        return Response(
            status: .ok,
            headers: [.contentType: ServerSentEvents.mediaType, .cacheControl: "no-store"],
            body: ResponseBody { writer in
                try await body.consumeWithCancellationOnInboundClose { _ in
                    try await follower.run(first) { try await writer.write($0) }
                }
                try await writer.finish(nil)
            })
    }

    /// The position behind which to begin: that of the last event that the client has got, or what `after` says.
    private func start(_ call: HTTPCall, _ query: inout HTTPQuery) async throws(HTTPProblem) -> Position {
        let after = try query.one("after")
        let last = call.request.headers[.lastEventID]
        guard let text = last ?? after, text != "start" else { return .start }
        if text == "end" {
            do { return try await store.head() } catch { throw HTTPProblem(error) }
        }
        guard let position = Self.position(text) else {
            throw .malformed(
                last == nil ? "after" : "Last-Event-ID", "is '\(text.prefix(40))'; use start, end or a position from 0")
        }
        return position
    }

    /// Nil for text that is no position.
    static func position(_ text: String) -> Position? {
        guard let position = Int64(text), position >= 0 else { return nil }
        return Position(position)
    }
}
#endif
