#if Server
/// What those who are not known yet may take of the server's memory and attention. What is static is part of what users,
/// passwords and headers are, and nobody's to set.
struct AccessLimits: Sendable, Hashable {
    /// The header with the credentials, in bytes; a token may be long.
    static let headerBytes = 8 << 10
    static let loginBytes = 128
    static let passwordBytes = 1_024
    /// The bytes that a new password has at least.
    static let newPasswordBytes = 8
    static let fullNameBytes = 512
    static let groupsPerUser = 64
    static let users = 10_000
    /// How often a page of the log with events that are not shown is read on.
    static let pagesReadOn = 10
    /// The rights of one call that are looked at again.
    static let rightsRechecked = 64
    /// The streams behind links of which one call remembers that the audit log has them.
    static let targetsRemembered = 1_000

    /// The passwords that are hashed at once: each takes 64 MiB for a tenth of a second.
    var hashesAtOnce = 2
    /// The logins that may wait for their password to be hashed.
    var hashesWaiting = 64
    /// The logins that may fail from one address, until one more is refused unseen.
    var failuresPerPeer = 10
    /// In which time one failure is forgiven.
    var forgiveness = Duration.seconds(6)
    /// The passwords of one login that may come from one address unseen, while its logins have ended, until what is remembered of
    /// the login is not asked for it either.
    var guessesUnseen = 20
    /// In which time one of them is forgiven.
    var unseenForgiveness = Duration.seconds(3)
    /// The addresses whose failures are remembered.
    var peersRemembered = 10_000
    /// The passwords, and the tokens, that are remembered to be right.
    var verifiedPasswords = 10_000
    /// How long they are.
    var verifiedTime = Duration.seconds(60)
    /// The streams whose access lists are remembered.
    var listsRemembered = 10_000
    /// How long a call that goes on may have a right that was taken away.
    var recheckTime = Duration.seconds(2)
}
#endif
