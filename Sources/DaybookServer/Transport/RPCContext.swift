#if Server
/// What a method knows of its call beside the messages.
struct RPCContext: Sendable {
    /// The method's path: `/package.Service/Method`.
    let path: String
    /// Who is at the other end of the connection.
    let peer: RPCPeer
    /// What the log of calls will say of it; nil where there is none.
    let record: CallRecord?
    private let headers: RPCHeaders

    init(path: String, peer: RPCPeer, record: CallRecord? = nil, headers: RPCHeaders = RPCHeaders()) {
        self.path = path
        self.peer = peer
        self.record = record
        self.headers = headers
    }

    /// The first value of a header; names are in lower case.
    func header(_ name: String) -> String? { headers.first(name) }
}
#endif
