#if Server
/// Somebody whose credentials were looked at.
struct Login: Sendable {
    var principal: Principal
    /// What the user was like; nil for those who are none of the server's.
    var user: User?
    /// The token that proved it; nil for others.
    var token: String?
    /// When a token or a certificate ends; nil for what does not end by itself.
    var end: ContinuousClock.Instant?

    static let anonymous = Login(principal: .anonymous)

    init(
        principal: Principal, user: User? = nil, token: String? = nil, end: ContinuousClock.Instant? = nil
    ) {
        self.principal = principal
        self.user = user
        self.token = token
        self.end = end
    }

    init(user: User, end: ContinuousClock.Instant? = nil) {
        self.init(principal: Principal(login: user.loginName, groups: Set(user.groups)), user: user, end: end)
    }
}
#endif
