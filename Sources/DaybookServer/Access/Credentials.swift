#if Server
import DaybookCore
import Foundation

/// What came with a call to prove who makes it: read from gRPC's metadata and from HTTP's headers by the same code, since both
/// have it in `authorization`.
///
/// See https://www.rfc-editor.org/rfc/rfc7617 and https://www.rfc-editor.org/rfc/rfc6750
enum Credentials: Sendable, Hashable {
    case none
    /// The subject of a client's certificate, which TLS has verified, and when that is valid no more.
    case certificate(commonName: String, end: ContinuousClock.Instant? = nil)
    case basic(login: String, password: String)
    case bearer(token: String)
    /// Something else, which is never let in: whoever sends wrong credentials shall not be taken for nobody.
    case malformed

    /// - Parameters:
    ///   - header: The value of `authorization`; counts before a certificate, since it says more precisely who is meant.
    ///   - certificate: The common name of the client's certificate; nil without one.
    ///   - end: When the certificate ends.
    init(authorization header: String?, certificate: String? = nil, until end: ContinuousClock.Instant? = nil) {
        guard let header else {
            self = certificate.map { .certificate(commonName: $0, end: end) } ?? .none
            return
        }
        self = Self.parse(header) ?? .malformed
    }

    private static func parse(_ header: String) -> Credentials? {
        guard header.utf8.count <= AccessLimits.headerBytes,
            let space = header.utf8.firstIndex(of: UInt8(ascii: " "))
        else { return nil }
        let scheme = header[..<space].lowercased()
        let rest = header[header.utf8.index(after: space)...].drop { $0 == " " }
        switch scheme {
        case "basic":
            guard let data = Data(base64Encoded: String(rest)), let text = String(validating: data, as: UTF8.self),
                let colon = text.utf8.firstIndex(of: UInt8(ascii: ":"))
            else { return nil }
            let login = String(text[..<colon])
            let password = String(text[text.utf8.index(after: colon)...])
            guard User.isLogin(login), password.utf8.count <= AccessLimits.passwordBytes else { return nil }
            return .basic(login: login, password: password)
        case "bearer":
            return rest.isEmpty ? nil : .bearer(token: String(rest))
        default:
            return nil
        }
    }
}
#endif
