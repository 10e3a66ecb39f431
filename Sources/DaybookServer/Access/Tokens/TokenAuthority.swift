#if Server
/// Who else says who somebody is: an authority whose tokens (JWT) are taken for credentials.
public struct TokenAuthority: Sendable, Hashable {
    /// The path of the file with its public keys, a JSON Web Key Set in which each key has its `kid` and `alg`. It is read
    /// again when it changes.
    public var keys: String
    /// What a token's `iss` must be.
    public var issuer: String
    /// What must be among a token's `aud`.
    public var audience: String
    /// The claim with the groups: an array of names, or names with spaces between. `admin`, `operator`, `writer`, `reader` and
    /// `impersonator` are those that the server knows; others are named by access lists.
    public var rolesClaim: String

    public init(keys: String, issuer: String, audience: String, rolesClaim: String = "roles") {
        self.keys = keys
        self.issuer = issuer
        self.audience = audience
        self.rolesClaim = rolesClaim
    }
}
#endif
