#if Server
import Hummingbird

/// What Hummingbird's router keeps of a request.
struct HTTPContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// Who is at the other end of the connection.
    var peer = RPCPeer(address: "unknown")
    /// What the log of calls will say of the request; nil where there is none.
    var record: CallRecord?

    init(source: ApplicationRequestContextSource) { coreContext = CoreRequestContextStorage(source: source) }
}
#endif
