#if Server
import KurrentProtocol

/// `event_store.client.server_features.ServerFeatures`: which methods the server has, in the words by which clients look for them.
struct ServerFeaturesService: Sendable {
    /// The methods of the other services, by path.
    let paths: [String]

    /// The version of KurrentDB whose protocol this is. Three numbers: clients refuse anything else.
    static let version = "26.1.0"

    /// What clients ask of single methods, by the lower-case names of service and method.
    private static let features: [String: [String]] = [
        "event_store.client.streams.streams/read": ["position", "events"],
        "event_store.client.streams.streams/batchappend": ["deadline_duration"],
    ]

    private static let persistentSubscriptions = "event_store.client.persistent_subscriptions.persistentsubscriptions"

    var routes: RPCRoutes {
        [
            "/event_store.client.server_features.ServerFeatures/GetSupportedMethods": .unary {
                (_: EventStore_Client_Empty, _) in supported
            }
        ]
    }

    private var supported: EventStore_Client_ServerFeatures_SupportedMethods {
        .with {
            $0.eventStoreServerVersion = Self.version
            $0.methods = paths.sorted().compactMap { path in
                let parts = path.lowercased().split(separator: "/")
                guard parts.count == 2 else { return nil }
                return .with {
                    $0.serviceName = String(parts[0])
                    $0.methodName = String(parts[1])
                    $0.features =
                        $0.serviceName == Self.persistentSubscriptions
                        ? ["stream", "all"] : Self.features["\(parts[0])/\(parts[1])"] ?? []
                }
            }
        }
    }
}
#endif
