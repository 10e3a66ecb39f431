#if Server
import DaybookCore

/// What a token says, when it is well formed, is for this server, and holds now. Its signature is another's to look at.
///
/// See https://www.rfc-editor.org/rfc/rfc7519#section-4.1 and https://www.rfc-editor.org/rfc/rfc8725
struct TokenClaims: Sendable, Hashable {
    let subject: String
    let groups: Set<String>
    /// How long it holds yet.
    let rest: Duration

    /// How far the clocks of the authority and of this machine may be apart, where a token does not hold yet.
    private static let skew = 30.0

    private static let groupsOfRoles = [
        "admin": Role.admin.rawValue, "operator": Role.operator.rawValue, "writer": Role.writer.rawValue,
        "reader": Role.reader.rawValue, "projector": Role.projector.rawValue, "impersonator": Principal.impersonators,
    ]

    /// Nil when anything is missing, of another type, twice there, or not as it must be.
    init?(_ payload: [UInt8], of authority: TokenAuthority, now: Timestamp) {
        guard let object = try? JSONText(parsing: payload[...]), var claims = try? JSONFields(object, path: "") else {
            return nil
        }
        let seconds = Double(now.microseconds) / 1e6
        guard let subject = claims.take("sub")?.string, Self.isSubject(subject),
            let issuer = claims.take("iss")?.string, issuer.hasSameBytes(as: authority.issuer),
            let audiences = claims.take("aud").flatMap(Self.texts),
            audiences.contains(where: { $0.hasSameBytes(as: authority.audience) }),
            let end = claims.take("exp").flatMap(Self.time), end > seconds
        else { return nil }
        if let begin = claims.take("nbf") {
            guard let time = Self.time(begin), time <= seconds + Self.skew else { return nil }
        }
        var groups: Set<String> = []
        if let roles = claims.take(authority.rolesClaim) {
            guard let names = Self.texts(roles) else { return nil }
            for name in names.flatMap({ $0.split(separator: " ") }).prefix(AccessLimits.groupsPerUser) {
                // The server's own groups are given by the names of roles alone.
                if let group = Self.groupsOfRoles[String(name)] {
                    groups.insert(group)
                } else if name.utf8.first != UInt8(ascii: "$"), User.isGroup(String(name)) {
                    groups.insert(String(name))
                }
            }
        }
        self.subject = subject
        self.groups = groups
        rest = .seconds(end - seconds)
    }

    private static func isSubject(_ text: String) -> Bool {
        (1...AccessLimits.loginBytes).contains(text.utf8.count) && text.utf8.first != UInt8(ascii: "$")
            && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }

    /// A text, or an array of them.
    private static func texts(_ value: JSONText) -> [String]? {
        if let text = value.string { return [text] }
        guard let elements = value.elements else { return nil }
        let texts = elements.compactMap(\.string)
        return texts.count == elements.count ? texts : nil
    }

    /// Seconds since 1970, with a fraction perhaps, up to the year 9999.
    private static func time(_ value: JSONText) -> Double? {
        guard value.kind == .number, let number = Double(String(decoding: value.bytes, as: UTF8.self)),
            (0...253_402_300_799).contains(number)
        else { return nil }
        return number
    }
}
#endif
