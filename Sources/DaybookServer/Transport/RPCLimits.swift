#if Server
import DaybookCore
import DaybookProtocol
import NIOCore

/// What one client may take of the server's memory and attention. What goes beyond is refused, and harms nobody else.
struct RPCLimits: Sendable, Hashable {
    /// The longest message that a client may send, in bytes. Clients of KurrentDB send up to 17 MiB.
    var messageBytes = StoreMethod.requestBytes
    /// The headers of one call, in bytes.
    var headerBytes = 16 << 10
    /// The calls that one connection may have open at once.
    var callsPerConnection = 1_000
    /// The connections that may be open at once, as far as the system lets the process have so many descriptors.
    var connections = 10_000
    /// The descriptors that connections leave to the store, to logs and to what listens: a store that cannot open its files fails.
    var descriptorsLeft = 256
    /// What a client may send of one call before it must wait for the server, in bytes.
    var streamWindowBytes = 1 << 20
    /// The same for all calls of a connection together.
    var connectionWindowBytes = 8 << 20
    /// What the calls of one connection may hold in memory together, in bytes: messages that have come, in whole or in part, and are
    /// not done with, and answers that the client has not taken.
    var bytesPerConnection = 256 << 20
    /// The same for all connections together.
    var bytesHeld = 1 << 30
    /// How long a message may take from its first byte to its last.
    var messageTime = TimeAmount.seconds(120)
    /// The fields of one message, not those within its fields: twice the events of an append.
    static let fieldsPerMessage = 2 * Limits.eventsPerAppend
    /// What each header takes beside its name and its value, in bytes.
    static let headerOverhead = 32
    /// The most that is said back to a client of what it has said, in bytes.
    static let quotedBytes = 200
    /// Pings and settings of one connection within half a minute. Clients of KurrentDB ping often, also while nothing is called.
    var controlFrames = 10_000
    /// Calls of one connection that are given up within half a minute.
    var resets = 2_000
    /// Frames of one connection for calls that are not there, or have ended long ago; the first ends it after ``graceTime``.
    var strayFrames = 100
    /// Frames that wait for a client that takes nothing: headers, resets, acknowledgements, of which it can cause any number.
    /// Those of calls that may be open come on top of it, ``framesPerCall`` each.
    var waitingFrames = 10_000
    /// Headers, trailers, a reset, and room for the client.
    static let framesPerCall = 4
    /// How long a connection may take until its first bytes tell its protocol. Browsers open connections before they need them.
    var firstBytesTime = TimeAmount.seconds(60)
    /// How long a client may say nothing until it is pinged, and then until it has answered.
    var silentTime = TimeAmount.seconds(60)
    var answerTime = TimeAmount.seconds(20)
    /// How long a connection may take that shuts down, or whose client has been told that it ends.
    var graceTime = TimeAmount.seconds(10)
}
#endif
