#if Server
/// `event_store.client.projections.Projections`, of which the server has nothing: it says so, and is not announced.
struct ProjectionsService: Sendable {
    static let name = "event_store.client.projections.Projections"

    private static let methods = [
        "Create", "Update", "Delete", "Statistics", "Disable", "Enable", "Reset", "State", "Result", "RestartSubsystem",
    ]

    var missing: RPCRoutes {
        let method = RPCMethod.unimplemented(
            "Projections are written in Swift: see the guide 'Keep read models' of Daybook. Programs in other languages "
                + "subscribe to the events, and keep read models of their own.")
        return Dictionary(uniqueKeysWithValues: Self.methods.map { ("/\(Self.name)/\($0)", method) })
    }
}
#endif
