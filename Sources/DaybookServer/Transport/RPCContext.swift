#if Server
import NIOHPACK

/// What a method knows of its call beside the messages.
struct RPCContext: Sendable {
    /// The method's path: `/package.Service/Method`.
    let path: String
    /// Who is at the other end of the connection.
    let peer: RPCPeer
    private let headers: HPACKHeaders

    init(path: String, peer: RPCPeer, headers: HPACKHeaders) {
        self.path = path
        self.peer = peer
        self.headers = headers
    }

    /// The first value of a header; names are in lower case.
    func header(_ name: String) -> String? { headers.first(name: name) }
}
#endif
