#if Server
import DaybookCore
import Hummingbird

/// Streams beside their events: their names, their state, their retention and deletion; and the receipts of commands.
struct StreamRoutes: Sendable {
    let store: any EventStore
    let writer: HTTPWriter

    /// How many names a page has when nothing is said.
    static let defaultLimit = 100

    var routes: [HTTPRoute] {
        [
            HTTPRoute(.get, "/v1/streams", answer: names),
            HTTPRoute(.get, "/v1/streams/{stream}/state", answer: state),
            HTTPRoute(.put, "/v1/streams/{stream}/retention", answer: setRetention),
            HTTPRoute(.delete, "/v1/streams/{stream}", answer: delete),
            HTTPRoute(.get, "/v1/receipts/{commandID}", answer: receipt),
        ]
    }

    @Sendable private func names(_ call: HTTPCall) async throws -> Response {
        var query = try call.query()
        let after = try query.name("after", as: StreamName.self)
        let limit = Int(try query.integer("limit", in: 1...Int64(Limits.eventsPerPage)) ?? Int64(Self.defaultLimit))
        try query.finish()
        try await CallAccess.require(.stream(.read, .log))
        if let after { try await CallAccess.requireVisible(after) }
        var shown: [StreamName] = []
        var last = after
        // As many as were asked for, so that the address of the next page names none that may not be seen.
        while shown.count < limit {
            try Task.checkCancellation()
            let names: [StreamName]
            do { names = try await store.streams(after: last, limit: limit) } catch { throw HTTPProblem(error) }
            let visible = try await CallAccess.visible(names) { [StreamResource(recorded: $0)] }
            shown += visible.prefix(limit - shown.count)
            guard names.count == limit else { break }
            last = names.last
        }
        var bytes = Array(#"{"streams":["#.utf8)
        for (index, name) in shown.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes.appendJSONString(name.rawValue)
        }
        bytes += #"],"next":"#.utf8
        if shown.count == limit, let last = shown.last {
            bytes.appendJSONString("/v1/streams?after=\(PercentEncoding.encoded(last.rawValue))&limit=\(limit)")
        } else {
            bytes += "null".utf8
        }
        bytes.append(UInt8(ascii: "}"))
        return Response(bytes: bytes)
    }

    @Sendable private func state(_ call: HTTPCall) async throws -> Response {
        let stream = try call.name("stream", as: StreamName.self)
        try call.query().finish()
        try await CallAccess.require(.read, of: stream)
        let state: StreamState
        do { state = try await store.state(of: stream) } catch { throw HTTPProblem(error) }
        var bytes = Array(#"{"stream":"#.utf8)
        bytes.appendJSONString(stream.rawValue)
        bytes += #","status":"\#(state.status.rawValue)","version":"#.utf8
        bytes += (state.lastVersion?.description ?? "null").utf8
        bytes += #","expected":"#.utf8
        if case .version(let version) = state.expectedVersion {
            bytes += version.description.utf8
        } else {
            bytes += #""noStream""#.utf8
        }
        bytes += #","retention":"#.utf8
        state.retention.appendJSON(to: &bytes)
        bytes.append(UInt8(ascii: "}"))
        return Response(bytes: bytes)
    }

    @Sendable private func setRetention(_ call: HTTPCall) async throws -> Response {
        let stream = try call.name("stream", as: StreamName.self)
        guard let type = call.mediaType, type.isJSON else {
            throw HTTPProblem.wrongMediaType(call.mediaType?.name, wanted: "application/json")
        }
        var query = try call.query()
        let expected = try query.expectedVersion() ?? .any
        let metadata = try query.changeMetadata()
        try query.finish()
        return try await call.withBody { body in
            let retention = try Self.retention(in: body)
            return try await writer.change(stream, expecting: expected, .setRetention(retention), metadata: metadata)
        }
    }

    private static func retention(in body: [UInt8]) throws(HTTPProblem) -> Retention {
        let json = try JSONText(body: body)
        do { return try Retention(json: json, path: "") } catch { throw HTTPProblem(error) }
    }

    /// Deletes a stream; one that may be written again, unless `permanently`.
    @Sendable private func delete(_ call: HTTPCall) async throws -> Response {
        let stream = try call.name("stream", as: StreamName.self)
        var query = try call.query()
        let isPermanent = try query.boolean("permanently")
        try await CallAccess.require(.delete, of: stream)
        let expected = try query.expectedVersion()
        let metadata = try query.changeMetadata()
        try query.finish()
        if isPermanent {
            return try await writer.change(stream, expecting: expected ?? .any, .tombstone, metadata: metadata)
        }
        if expected == nil {
            // Who says nothing is not told of an expectation.
            let state: StreamState
            do { state = try await store.state(of: stream) } catch { throw HTTPProblem(error) }
            guard state.status == .live else { throw HTTPProblem.noStream(stream, state.status) }
        }
        return try await writer.change(stream, expecting: expected ?? .streamExists, .delete, metadata: metadata)
    }

    @Sendable private func receipt(_ call: HTTPCall) async throws -> Response {
        let command = try call.name("commandID", as: CommandID.self)
        try call.query().finish()
        let result: AppendResult?
        do { result = try await store.receipt(for: command) } catch { throw HTTPProblem(error) }
        guard let result else { throw HTTPProblem.noReceipt(command) }
        try await CallAccess.requireReading(unnamed: result.streams.map(\.stream))
        return HTTPWriter.response(result)
    }
}
#endif
