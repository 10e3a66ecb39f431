#if Server
import NIOCore
import Synchronization

/// The streaming calls of a server that are open: those that have to be told when it shuts down.
final class RPCCalls: Sendable {
    private struct State {
        var open: [ObjectIdentifier: NIOLoopBound<RPCCall>] = [:]
        var isEnding = false
    }

    private let state = Mutex(State())

    /// The server runs, perhaps anew.
    func start() { state.withLock { $0.isEnding = false } }

    /// To be called on the loop of the call. One that comes while the server ends is told at once.
    func add(_ call: RPCCall, on loop: any EventLoop) {
        let bound = NIOLoopBound(call, eventLoop: loop)
        let isEnding = state.withLock { state in
            state.open[ObjectIdentifier(call)] = bound
            return state.isEnding
        }
        if isEnding { loop.execute { bound.value.shutDown() } }
    }

    func remove(_ call: RPCCall) {
        _ = state.withLock { $0.open.removeValue(forKey: ObjectIdentifier(call)) }
    }

    var count: Int { state.withLock(\.open.count) }

    /// Ends all of them with UNAVAILABLE, those that write when what they have begun is answered.
    func shutDown() {
        let open = state.withLock { state in
            state.isEnding = true
            return Array(state.open.values)
        }
        for call in open {
            call.eventLoop.execute { call.value.shutDown() }
        }
    }
}
#endif
