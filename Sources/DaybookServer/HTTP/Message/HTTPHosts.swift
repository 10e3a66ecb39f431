#if Server
import HTTPTypes
import HummingbirdCore

/// Refuses requests that were made for another host: a page of the web whose name leads to this machine shall not use the
/// server by the browser of somebody who works there.
struct HTTPHosts: Sendable {
    private let names: Set<String>

    init(_ configuration: ServerConfiguration) {
        names = Set(
            ["localhost", "127.0.0.1", "::1", configuration.host.lowercased()]
                + (configuration.advertisedHost.map { [$0.lowercased()] } ?? []))
    }

    func check(_ request: Request) throws(HTTPProblem) {
        guard let authority = request.head.authority, !authority.isEmpty else { return }
        let name = Self.host(of: authority)
        guard names.contains(name) else { throw .wrongHost(name) }
    }

    /// `localhost:2113` and `[::1]:2113` without the port and the brackets.
    static func host(of authority: String) -> String {
        if authority.hasPrefix("[") { return authority.dropFirst().prefix { $0 != "]" }.lowercased() }
        return authority.prefix { $0 != ":" }.lowercased()
    }
}
#endif
