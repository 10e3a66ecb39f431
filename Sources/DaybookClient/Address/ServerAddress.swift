#if Client
/// Where a server is: `daybook://host:port?tls=false`.
struct ServerAddress: Sendable, Equatable {
    /// Where servers listen unless they are told otherwise.
    static let defaultPort = 2113

    let host: String
    let port: Int
    let usesTLS: Bool

    init(_ text: String) throws(ClientError) {
        let scheme = "daybook://"
        guard text.hasPrefix(scheme) else { throw .address(text, reason: "it does not begin with daybook://") }
        let parts = text.dropFirst(scheme.count).split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var place = parts[0]
        if place.last == "/" { place.removeLast() }
        var usesTLS = true
        for option in parts.count > 1 ? parts[1].split(separator: "&") : [] {
            switch option {
            case "tls=true": usesTLS = true
            case "tls=false": usesTLS = false
            default: throw .address(text, reason: "the option '\(option)' is not known")
            }
        }
        let (host, port) = try Self.split(place, of: text)
        self.host = host
        self.port = port
        self.usesTLS = usesTLS
    }

    /// Host and port; an address of IPv6 stands in brackets.
    private static func split(_ place: Substring, of text: String) throws(ClientError) -> (String, Int) {
        let host: Substring
        let rest: Substring
        if place.first == "[" {
            guard let end = place.firstIndex(of: "]") else { throw .address(text, reason: "a bracket is not closed") }
            host = place[place.index(after: place.startIndex)..<end]
            rest = place[place.index(after: end)...]
        } else {
            let end = place.firstIndex(of: ":") ?? place.endIndex
            host = place[..<end]
            rest = place[end...]
        }
        guard !host.isEmpty, !host.contains("/"), !host.contains("@") else {
            throw .address(text, reason: "there is no host")
        }
        if rest.isEmpty { return (String(host), defaultPort) }
        guard rest.first == ":", let port = Int(rest.dropFirst()), (1...65_535).contains(port) else {
            throw .address(text, reason: "the port is no number from 1 to 65535")
        }
        return (String(host), port)
    }

    /// As it stands in the head of a request.
    var authority: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
#endif
