#if Server
import Daybook
import DaybookCore
import Hummingbird

/// Takes events of CloudEvents 1.0 into a stream, each delivery as a whole.
struct CloudEventRoutes: Sendable {
    let writer: HTTPWriter

    var routes: [HTTPRoute] { [HTTPRoute(.post, "/v1/cloudevents/{stream}", answer: append)] }

    @Sendable private func append(_ call: HTTPCall) async throws -> Response {
        let stream = try call.name("stream", as: StreamName.self)
        var query = try call.query()
        let expected = try query.expectedVersion() ?? .any
        try query.finish()
        return try await call.withBody { body in
            let events = try CloudEvent.events(of: call.request.headers, body: body)
            var request = AppendRequest(commandID: CloudEvent.commandID(of: events, to: stream))
            request.append(events.map(\.newEvent), to: stream, expecting: expected)
            return try await writer.append(request)
        }
    }
}
#endif
