#if Server
/// Which way a call comes.
enum ServedProtocol: String, Sendable, CaseIterable {
    /// By a client of KurrentDB.
    case kurrentdb
    /// By `DaybookClient`.
    case daybook
    case http
    /// By nobody: what the server does by itself.
    case server

    /// That of a gRPC method.
    init(methodPath path: String) { self = path.hasPrefix("/daybook.") ? .daybook : .kurrentdb }
}
#endif
