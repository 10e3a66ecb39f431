#if Server
import DaybookCore
import KurrentProtocol
import Synchronization

/// `event_store.client.gossip.Gossip`: the members of the cluster, of which there is one.
final class GossipService: Sendable {
    /// Where clients can reach the server.
    struct Address: Sendable {
        var host: String
        var port: Int
    }

    private let instance = EventID()
    private let advertised: Mutex<Address>

    init(advertised: Address) { self.advertised = Mutex(advertised) }

    /// To be told when the port is known.
    func advertise(port: Int) { advertised.withLock { $0.port = port } }

    var routes: RPCRoutes {
        [
            "/event_store.client.gossip.Gossip/Read": .unary { [self] (_: EventStore_Client_Empty, _) in
                let address = advertised.withLock { $0 }
                return EventStore_Client_Gossip_ClusterInfo.with {
                    $0.members = [
                        .with {
                            $0.instanceID.structured.mostSignificantBits = Int64(bitPattern: instance.high)
                            $0.instanceID.structured.leastSignificantBits = Int64(bitPattern: instance.low)
                            $0.timeStamp = TimeSource.system.now.microseconds * 10
                            $0.state = .leader
                            $0.isAlive = true
                            $0.httpEndPoint.address = address.host
                            $0.httpEndPoint.port = UInt32(address.port)
                        }
                    ]
                }
            }
        ]
    }
}
#endif
