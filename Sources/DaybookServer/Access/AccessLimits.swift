#if Server
/// What those who are not known yet may take of the server's memory and attention.
enum AccessLimits {
    /// The header with the credentials, in bytes; a token may be long.
    static let headerBytes = 8 << 10
    static let loginBytes = 128
    static let passwordBytes = 1_024
    /// The bytes that a new password has at least.
    static let newPasswordBytes = 8
    static let fullNameBytes = 512
    static let groupsPerUser = 64
    static let users = 10_000
    /// The passwords that are hashed at once: each takes 64 MiB for a tenth of a second.
    static let hashesAtOnce = 2
    /// The logins that may wait for their password to be hashed.
    static let hashesWaiting = 64
    /// The logins that may fail from one address, until one more is refused unseen.
    static let failuresPerPeer = 10
    /// In which time one failure is forgiven.
    static let forgiveness = Duration.seconds(6)
    /// The passwords of one login that may come from one address unseen, while its logins have ended, until what is remembered of
    /// the login is not asked for it either.
    static let guessesUnseen = 20
    /// In which time one of them is forgiven.
    static let unseenForgiveness = Duration.seconds(3)
    /// The addresses whose failures are remembered.
    static let peersRemembered = 10_000
    /// The passwords that are remembered to be right.
    static let verifiedPasswords = 10_000
    /// How long they are.
    static let verifiedTime = Duration.seconds(60)
    /// The streams whose access lists are remembered.
    static let listsRemembered = 10_000
    /// How often a page of the log with events that are not shown is read on.
    static let pagesReadOn = 10
    /// How long a call that goes on may have a right that was taken away.
    static let recheckTime = Duration.seconds(2)
    /// The rights of one call that are looked at again.
    static let rightsRechecked = 64
}
#endif
