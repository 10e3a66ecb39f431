#if Server
import DaybookCore
import NIOCore

/// What one client may take of the server's memory and attention by HTTP/1.1. What goes beyond is refused, and harms nobody
/// else.
struct HTTPLimits: Sendable, Hashable {
    /// One header, its name and its value, or the path and the query, in bytes. A filter may name many types and tags.
    var headerFieldBytes = 64 << 10
    /// All headers of a request, in bytes.
    var headerBytes = 128 << 10
    /// The headers of a request.
    var headerFields = 100
    /// The body of a request, in bytes: what an append may hold, in base 64, and its names.
    var bodyBytes = 2 * Limits.appendBytes
    /// The bodies of all requests together that are in memory.
    var bodyBytesHeld = 256 << 20
    /// How long a body may take from the request's head to its last byte.
    var bodyTime = TimeAmount.seconds(120)
    /// How long a client may take nothing of an answer that waits for it.
    var unreadTime = TimeAmount.seconds(120)
    /// How long a connection may do nothing, and the head of a request take to come.
    var idleTime = TimeAmount.seconds(75)
    /// How long a follower is sent nothing before it is sent a sign of life.
    var heartbeat = Duration.seconds(15)
    /// The events that are read at once for an answer without an end of its own.
    var eventsPerPiece = 500
}
#endif
