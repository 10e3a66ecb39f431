#if Server
/// Who makes a call, as authorisation sees it.
struct Principal: Sendable, Hashable {
    enum Kind: Sendable, Hashable {
        /// Nobody that is known: no credentials came.
        case anonymous
        /// Somebody who holds the token of a server without users, and may make the first one.
        case founder
        case user
    }

    let kind: Kind
    /// Empty for those who are no user.
    let login: String
    /// As users have them, and access lists name them.
    let groups: Set<String>

    static let anonymous = Principal(kind: .anonymous, login: "", groups: [])
    static let founder = Principal(kind: .founder, login: "", groups: [])

    private init(kind: Kind, login: String, groups: Set<String>) {
        self.kind = kind
        self.login = login
        self.groups = groups
    }

    init(login: String, groups: Set<String>) { self.init(kind: .user, login: login, groups: groups) }

    func has(_ role: Role) -> Bool { kind == .user && groups.contains(role.rawValue) }

    /// Whether an access list that names somebody names this one. `$all` is every user.
    func isNamed(by name: String) -> Bool {
        kind == .user && (name == Self.everyone || name == login || groups.contains(name))
    }

    /// Whether it may say on whose behalf it writes.
    var mayImpersonate: Bool { kind == .user && groups.contains(Self.impersonators) }

    /// In access lists: every user.
    static let everyone = "$all"
    /// The group of those, such as gateways, whose events keep the actor that they name.
    static let impersonators = "$impersonators"
}
#endif
