#if Client
import Foundation

/// Who a client is to its server.
public struct ClientCredentials: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible {
    /// The value of the header `authorization`.
    let header: String

    /// A user of the server.
    ///
    /// - Parameter login: Has no colon.
    public static func user(_ login: String, password: String) -> ClientCredentials {
        ClientCredentials(header: "Basic " + Data("\(login):\(password)".utf8).base64EncodedString())
    }

    /// What an authority that the server trusts says (JWT).
    public static func token(_ token: String) -> ClientCredentials { ClientCredentials(header: "Bearer \(token)") }

    /// Without what is secret: it may get into logs.
    public var description: String { "credentials" }
    public var debugDescription: String { description }
}
#endif
