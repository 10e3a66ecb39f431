#if Server
import NIOCore

/// What a method sends on one call.
struct RPCResponses: Sendable {
    private let send: @Sendable (ByteBuffer) async throws -> Void

    init(send: @escaping @Sendable (ByteBuffer) async throws -> Void) { self.send = send }

    /// Sends messages that stand one behind another, each as `writeRPCMessage` writes it: a page of events in one piece.
    ///
    /// Returns when the client has room for more, so that one that does not read costs one piece.
    ///
    /// - Throws: `CancellationError` when the call has ended.
    func send(framed messages: ByteBuffer) async throws { try await send(messages) }

    func send(_ write: (inout ByteBuffer) -> Void) async throws {
        var buffer = ByteBuffer()
        buffer.writeRPCMessage(write)
        try await send(buffer)
    }
}
#endif
