#if Server
import DaybookProtocol
import HTTPTypes

/// What every method and every route asks of who calls it, before it runs. Those on streams ask further, for each stream. What is
/// not in the table is for admins: so it is safe to forget something.
enum AccessTable {
    private static let streams = "event_store.client.streams.Streams"
    private static let streamsV2 = "kurrentdb.protocol.v2.streams.StreamsService"
    private static let persistent = "event_store.client.persistent_subscriptions.PersistentSubscriptions"
    private static let operations = "event_store.client.operations.Operations"
    private static let users = "event_store.client.users.Users"

    private static let methods: [String: AccessAction] = [
        "/event_store.client.gossip.Gossip/Read": .discover,
        "/event_store.client.server_features.ServerFeatures/GetSupportedMethods": .discover,
        "/event_store.client.monitoring.Monitoring/Stats": .call,
        "/\(streams)/Read": .call,
        "/\(streams)/Append": .call,
        "/\(streams)/BatchAppend": .call,
        "/\(streams)/Delete": .call,
        "/\(streams)/Tombstone": .call,
        "/\(streamsV2)/AppendSession": .call,
        "/\(streamsV2)/AppendRecords": .call,
        "/\(persistent)/Create": .operate,
        "/\(persistent)/Update": .operate,
        "/\(persistent)/Delete": .operate,
        "/\(persistent)/ReplayParked": .operate,
        "/\(persistent)/TruncateParked": .operate,
        "/\(persistent)/RestartSubsystem": .operate,
        "/\(persistent)/GetInfo": .call,
        "/\(persistent)/List": .call,
        "/\(persistent)/Read": .call,
        "/\(users)/Details": .call,
        "/\(users)/ChangePassword": .call,
    ]

    /// By the path of a gRPC method.
    static func action(ofMethod path: String) -> AccessAction {
        if let action = methods[path] { return action }
        if let method = StoreMethod.allCases.first(where: { $0.path == path }) { return action(of: method) }
        if let method = OperationsMethod.allCases.first(where: { $0.path == path }) { return action(of: method) }
        if path.hasPrefix("/\(operations)/") { return .operate }
        // They only say that they are not there.
        if path.hasPrefix("/\(ProjectionsService.name)/") { return .call }
        return .administer
    }

    private static let routes: [String: AccessAction] = [
        "GET /health/live": .discover,
        "GET /health/ready": .discover,
        "GET /version": .discover,
        "GET /openapi.json": .discover,
        "GET /health": .call,
        "GET /metrics": .call,
        "POST /v1/append": .call,
        "POST /v1/cloudevents/{stream}": .call,
        "GET /v1/streams": .call,
        "GET /v1/streams/{stream}": .call,
        "GET /v1/streams/{stream}/state": .call,
        "GET /v1/states/{stream}": .call,
        "PUT /v1/streams/{stream}/retention": .call,
        "DELETE /v1/streams/{stream}": .call,
        "GET /v1/receipts/{commandID}": .askLog,
        "GET /v1/log": .call,
        "GET /v1/log/follow": .call,
        "POST /v1/users": .found,
    ]

    /// By an HTTP route's method and path, with its parameters in braces.
    static func action(ofRoute path: String, _ method: HTTPRequest.Method) -> AccessAction {
        routes["\(method == .head ? "GET" : method.rawValue) \(path)"] ?? .administer
    }
}
#endif
