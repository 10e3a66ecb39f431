#if Server
import DaybookCore
import HTTPTypes
import HummingbirdCore
import NIOCore
import Synchronization

/// Reads the bodies of requests into memory: each up to a limit, and all that are there at one time up to another.
final class HTTPBodies: Sendable {
    /// The connection has failed, or what came on it is not HTTP.
    struct ConnectionFailure: Error {
        let cause: any Error
    }

    /// How much of what a client says that it will send has memory before it has come.
    private static let bytesBelieved = 64 << 10

    private let limit: Int
    private let held: Int
    private let bytesHeld = Atomic(0)

    init(limit: Int, held: Int) {
        self.limit = limit
        self.held = held
    }

    /// - Throws: ``HTTPProblem`` when the body is too large, or there is no room; ``ConnectionFailure``; what `use` throws.
    func withBody<Result>(of request: Request, _ use: ([UInt8]) async throws -> Result) async throws -> Result {
        var reserved = 0
        defer { bytesHeld.subtract(reserved, ordering: .relaxed) }
        var bytes: [UInt8] = []
        if let length = request.headers[.contentLength].flatMap({ Int($0) }) {
            guard length <= limit else { throw HTTPProblem.bodyTooLarge(limit: limit) }
            bytes.reserveCapacity(min(length, Self.bytesBelieved))
        }
        var parts = request.body.makeAsyncIterator()
        while let part = try await Self.next(&parts) {
            guard bytes.count + part.readableBytes <= limit else { throw HTTPProblem.bodyTooLarge(limit: limit) }
            try reserve(part.readableBytes, of: &reserved)
            part.withUnsafeReadableBytes { bytes.append(contentsOf: $0) }
        }
        return try await use(bytes)
    }

    private static func next(_ parts: inout RequestBody.AsyncIterator) async throws -> ByteBuffer? {
        do { return try await parts.next() } catch { throw ConnectionFailure(cause: error) }
    }

    private func reserve(_ count: Int, of reserved: inout Int) throws(HTTPProblem) {
        let all = bytesHeld.add(count, ordering: .relaxed).newValue
        reserved += count
        guard all <= held else { throw .busy(limit: held) }
    }
}
#endif
