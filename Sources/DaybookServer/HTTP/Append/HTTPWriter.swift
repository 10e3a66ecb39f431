#if Server
import DaybookCore
import Hummingbird

/// Writes for the routes that change the log, and answers what became of it.
struct HTTPWriter: Sendable {
    private let log: KurrentLog

    init(log: KurrentLog) { self.log = log }

    /// Appends what the caller may append: it is asked here, for all routes.
    ///
    /// - Throws: ``HTTPProblem``.
    func append(_ request: AppendRequest) async throws(HTTPProblem) -> Response {
        do { try await CallAccess.requireAppend(request) } catch { throw HTTPProblem(error) }
        let result: AppendResult
        do { result = try await log.commit(request) } catch { throw HTTPProblem(error) }
        log.note(request, result)
        return Self.response(result)
    }

    /// Changes one stream other than by events.
    func change(
        _ stream: StreamName, expecting expected: ExpectedVersion, _ action: StreamWrite.Action, metadata: EventMetadata
    ) async throws(HTTPProblem) -> Response {
        let write = StreamWrite(stream: stream, expected: expected, action: action, metadata: metadata.encoded())
        return try await append(AppendRequest(writes: [write]))
    }

    static func response(_ result: AppendResult) -> Response {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(160 + 80 * result.streams.count)
        bytes.append(UInt8(ascii: "{"))
        result.appendMembers(to: &bytes)
        bytes.append(UInt8(ascii: "}"))
        return Response(bytes: bytes)
    }
}
#endif
