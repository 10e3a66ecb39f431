#if Server
import Logging

/// Tells who makes a call by what came with it.
final class Authenticator: Sendable {
    private let users: UserDirectory
    private let passwords: PasswordHasher
    private let founding: FoundingToken
    private let tokens: TokenVerifier?
    private let verified: VerifiedPasswords
    private let failures: LoginFailures
    /// The passwords that were not looked at, by where they came from and whose they were said to be: more of them than this many
    /// are guesses at what is remembered, which is not asked then.
    private let unseen: LoginFailures

    init(
        users: UserDirectory, passwords: PasswordHasher, founding: FoundingToken, tokens: TokenVerifier? = nil,
        failures: LoginFailures = LoginFailures(),
        unseen: LoginFailures = LoginFailures(
            limit: AccessLimits().guessesUnseen, forgiveness: AccessLimits().unseenForgiveness),
        verified: VerifiedPasswords = VerifiedPasswords()
    ) {
        self.users = users
        self.passwords = passwords
        self.founding = founding
        self.tokens = tokens
        self.failures = failures
        self.verified = verified
        self.unseen = unseen
    }

    /// - Throws: ``AccessDenial/unauthenticated`` for wrong credentials of any kind.
    func login(_ credentials: Credentials, from address: String) async throws(AccessDenial) -> Login {
        switch credentials {
        case .none:
            return .anonymous
        case .malformed:
            throw .unauthenticated
        case .certificate(let name, let end):
            // TLS has made sure that it is theirs, when the connection began: it may have ended since. Else no more is to be
            // looked at than whether there is such a user.
            if let end, end <= .now { throw .unauthenticated }
            guard User.isLogin(name), let user = try await users.user(name), !user.disabled else {
                throw .unauthenticated
            }
            return Login(user: user, end: end)
        case .bearer(let token):
            if token.utf8.contains(UInt8(ascii: ".")), let tokens {
                // Nobody guesses a signature: such failures are not counted, so that a token that has ended locks nobody out.
                guard let login = tokens.login(token) else { throw .unauthenticated }
                return login
            }
            if failures.isOverLimit(address) { throw .tooManyFailures }
            guard founding.isRight(token) else {
                failures.add(address)
                throw .unauthenticated
            }
            return Login(principal: .founder)
        case .basic(let login, let password):
            return try await self.login(login, password, from: address)
        }
    }

    /// Whether a token that was right is so still: its key may be there no more.
    func isRight(token: String) -> Bool { tokens?.login(token) != nil }

    private func login(
        _ name: String, _ password: String, from address: String
    ) async throws(AccessDenial) -> Login {
        let user = try await users.user(name)
        let guesser = "\(address) \(name)"
        // Before the failures are counted: somebody else behind the same address shall not lock out who is in.
        if let user, !user.disabled, !unseen.isOverLimit(guesser), verified.contains(password, of: user) {
            return Login(user: user)
        }
        if failures.isOverLimit(address) {
            unseen.add(guesser)
            throw .tooManyFailures
        }
        let isEnabled = user?.disabled == false
        let isRight = try await passwords.isRight(password, user?.passwordHash) { [failures] look in
            // Again, and counted before the next one's turn: else all that wait at one time would be looked at.
            if failures.isOverLimit(address) { throw AccessDenial.tooManyFailures }
            let isRight = look() && isEnabled
            if !isRight { failures.add(address) }
            return isRight
        }
        guard isRight, let user else { throw .unauthenticated }
        verified.insert(password, of: user)
        return Login(user: user)
    }
}
#endif
