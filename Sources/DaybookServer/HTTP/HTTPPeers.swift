#if Server
import NIOCore
import Synchronization

/// Who is at the other end of each connection that speaks HTTP/1.1.
final class HTTPPeers: Sendable {
    private let peers = Mutex<[ObjectIdentifier: RPCPeer]>([:])

    /// Remembers it until the channel closes.
    func insert(_ peer: RPCPeer, of channel: any Channel) {
        let identifier = ObjectIdentifier(channel)
        peers.withLock { $0[identifier] = peer }
        channel.closeFuture.whenComplete { [self] _ in _ = peers.withLock { $0.removeValue(forKey: identifier) } }
    }

    subscript(channel: any Channel) -> RPCPeer {
        peers.withLock { $0[ObjectIdentifier(channel)] } ?? RPCPeer(address: "unknown")
    }
}
#endif
