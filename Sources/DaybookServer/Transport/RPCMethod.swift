#if Server
import NIOCore

/// What answers the calls of one path. Messages are bytes: what is in them is the method's to know.
///
/// An error that is no ``RPCStatus`` reaches the client as ``RPCStatus/unforeseen``. A call that its client gives up, or whose
/// time is over, cancels the task that runs the method, unless that is ``finishing(_:)``.
enum RPCMethod: Sendable {
    /// One message, one answer.
    case unary(@Sendable (ByteBuffer, RPCContext) async throws -> ByteBuffer)
    /// Any number of messages, one answer.
    case clientStreaming(@Sendable (RPCRequests, RPCContext) async throws -> ByteBuffer)
    /// Any number of messages, any number of answers; the call ends when this returns.
    case streaming(@Sendable (RPCRequests, RPCResponses, RPCContext) async throws -> Void)
    /// A method whose task is not cancelled: what it writes is finished, and known, before the client asks again. It ends
    /// nevertheless, since no more requests come, and nothing more is sent.
    indirect case finishing(RPCMethod)

    /// A method that clients know, and the server does not have.
    ///
    /// - Parameter text: What to do instead.
    static func unimplemented(_ text: String) -> RPCMethod {
        .streaming { _, _, _ in throw RPCStatus(.unimplemented, text) }
    }
}

/// The methods of a server, by path.
typealias RPCRoutes = [String: RPCMethod]
#endif
