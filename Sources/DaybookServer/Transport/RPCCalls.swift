#if Server
import NIOCore
import Synchronization

/// The streaming calls of a server that are open: those that have to be told when it shuts down.
final class RPCCalls: Sendable {
    private let open = Mutex<[ObjectIdentifier: NIOLoopBound<RPCCallHandler>]>([:])

    func add(_ call: RPCCallHandler, on loop: any EventLoop) {
        let bound = NIOLoopBound(call, eventLoop: loop)
        open.withLock { $0[ObjectIdentifier(call)] = bound }
    }

    func remove(_ call: RPCCallHandler) {
        _ = open.withLock { $0.removeValue(forKey: ObjectIdentifier(call)) }
    }

    var count: Int { open.withLock(\.count) }

    /// Ends all of them with UNAVAILABLE, those that write when what they have begun is answered.
    func shutDown() {
        for call in open.withLock({ Array($0.values) }) {
            call.eventLoop.execute { call.value.shutDown() }
        }
    }
}
#endif
