#if Server
import KurrentProtocol

/// `event_store.client.operations.Operations`: what an operator asks of a server.
struct OperationsService: Sendable {
    /// Nil when the server was not told how its store is scavenged.
    let scavenges: Scavenges?
    let shutdown: StopSignal
    let subscriptions: PersistentSubscriptions

    static let name = "event_store.client.operations.Operations"

    private typealias ScavengeResponse = EventStore_Client_Operations_ScavengeResp

    var routes: RPCRoutes {
        var routes: RPCRoutes = [
            "/\(Self.name)/Shutdown": .unary { [shutdown] (_: EventStore_Client_Empty, _) in
                shutdown.give()
                return EventStore_Client_Empty()
            },
            "/\(Self.name)/RestartPersistentSubscriptions": .unary {
                [subscriptions] (_: EventStore_Client_Empty, _) in
                try await subscriptions.restart()
                return EventStore_Client_Empty()
            },
        ]
        guard let scavenges else { return routes }
        routes["/\(Self.name)/StartScavenge"] = .unary { (_: EventStore_Client_Operations_StartScavengeReq, _) in
            let (id, isNew) = scavenges.start()
            return ScavengeResponse.with {
                $0.scavengeID = id
                $0.scavengeResult = isNew ? .started : .inProgress
            }
        }
        routes["/\(Self.name)/StopScavenge"] = .unary { (request: EventStore_Client_Operations_StopScavengeReq, _) in
            let id = request.options.scavengeID
            guard scavenges.stop(id: id) else { throw RPCStatus.scavengeNotFound(id: id) }
            return ScavengeResponse.with {
                $0.scavengeID = id
                $0.scavengeResult = .stopped
            }
        }
        return routes
    }

    /// The methods that mean nothing here: they are not announced, and say what to do instead.
    var missing: RPCRoutes {
        var missing: RPCRoutes = [
            "/\(Self.name)/MergeIndexes": .unimplemented(
                "The store merges its index by itself: nothing is to be done."),
            "/\(Self.name)/ResignNode": .unimplemented(
                "The server is one node, and always leads: shut it down instead."),
            "/\(Self.name)/SetNodePriority": .unimplemented(
                "The server is one node, and has nobody to take precedence of: leave the call out."),
        ]
        if scavenges == nil {
            let method = RPCMethod.unimplemented(
                "The server was not told how its store is scavenged: set ServerConfiguration.scavenge, or scavenge the store by "
                    + "its own means.")
            missing["/\(Self.name)/StartScavenge"] = method
            missing["/\(Self.name)/StopScavenge"] = method
        }
        return missing
    }
}

extension RPCStatus {
    fileprivate static func scavengeNotFound(id: String) -> RPCStatus {
        RPCStatus(.notFound, "Scavenge id was invalid.")
            .adding("exception", "scavenge-not-found").adding("scavenge-id", String(id.prefix(80)))
    }
}
#endif
