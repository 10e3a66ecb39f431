#if Server
import Logging

/// What the calls of a connection are answered by, and what they may take.
struct RPCServices {
    let routes: RPCRoutes
    /// Runs methods on the connection's event loop.
    let executor: EventLoopExecutor
    let calls: RPCCalls
    let limits: RPCLimits
    let logger: Logger
    /// Logs calls; nil where they are not.
    let callLogger: Logger?
}
#endif
