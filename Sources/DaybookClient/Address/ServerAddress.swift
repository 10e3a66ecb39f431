#if Client
import Foundation

/// Where a server is, and who asks: `daybook://user:password@host:port?tls=true&tlsCaFile=/etc/authority.pem`, or with a certificate
/// `daybook://host?userCertFile=/etc/me.pem&userKeyFile=/etc/me.key`. What has another meaning there is percent-encoded in the
/// user, the password and the files.
struct ServerAddress: Sendable, Equatable {
    /// Where servers listen unless they are told otherwise.
    static let defaultPort = 2113

    let host: String
    let port: Int
    let usesTLS: Bool
    /// Nil when the address has none.
    let credentials: ClientCredentials?
    /// A file of certificates by which the server's is checked; nil when the address names none.
    let trustedCertificates: String?
    /// Nil when the address names none.
    let certificate: ClientCertificate?

    init(_ text: String) throws(ClientError) {
        let shown = Self.redacted(text)
        let scheme = "daybook://"
        guard text.hasPrefix(scheme) else { throw .address(shown, reason: "it does not begin with daybook://") }
        let parts = text.dropFirst(scheme.count).split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var place = parts[0]
        var credentials: ClientCredentials?
        if let at = place.lastIndex(of: "@") {
            credentials = try Self.credentials(place[..<at], of: shown)
            place = place[place.index(after: at)...]
        }
        if place.last == "/" { place.removeLast() }
        var usesTLS = true
        var files: [Substring: String] = [:]
        for option in parts.count > 1 ? parts[1].split(separator: "&") : [] {
            switch option {
            case "tls=true": usesTLS = true
            case "tls=false": usesTLS = false
            default:
                let pair = option.split(separator: "=", maxSplits: 1)
                guard pair.count == 2, Self.fileOptions.contains(pair[0]), let file = pair[1].removingPercentEncoding
                else {
                    throw .address(shown, reason: "an option is not known, or has no value")
                }
                files[pair[0]] = file
            }
        }
        switch (files["userCertFile"], files["userKeyFile"]) {
        case (let file?, let key?) where usesTLS: certificate = ClientCertificate(file: file, key: key)
        case (nil, nil): certificate = nil
        default: throw .address(shown, reason: "userCertFile and userKeyFile go together, and with TLS")
        }
        let (host, port) = try Self.split(place, of: shown)
        self.host = host
        self.port = port
        self.usesTLS = usesTLS
        self.credentials = credentials
        trustedCertificates = files["tlsCaFile"]
    }

    private static let fileOptions: Set<Substring> = ["tlsCaFile", "userCertFile", "userKeyFile"]

    private static func credentials(_ part: Substring, of shown: String) throws(ClientError) -> ClientCredentials {
        guard let colon = part.firstIndex(of: ":"), let login = part[..<colon].removingPercentEncoding,
            let password = part[part.index(after: colon)...].removingPercentEncoding, !login.isEmpty,
            !login.contains(":")
        else {
            throw .address(shown, reason: "in front of @ there is not a user, a colon and a password")
        }
        return .user(login, password: password)
    }

    /// Without what is in front of the last @: errors get into logs.
    private static func redacted(_ text: String) -> String {
        guard let at = text.lastIndex(of: "@") else { return text }
        return "daybook://…\(text[at...])"
    }

    /// Whether the host is this machine, so that nobody else hears what is sent.
    var isLoopback: Bool { ["127.0.0.1", "::1", "localhost"].contains(host) }

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
