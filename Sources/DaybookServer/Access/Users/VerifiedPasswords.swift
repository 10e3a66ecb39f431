#if Server
import Synchronization

/// Remembers for a while which passwords were found right, so that a client that sends its password with each of many calls
/// does not have it hashed for each. The while begins anew with each call: else a client that is at work would be asked in the
/// middle of it, by all of its calls at once, and refused when others had failed at its address meanwhile.
///
/// What is remembered is a digest of login, password and the hash in the log, by a key that is made when the server starts: a
/// password that is changed is right no more at once, and who reads the memory finds no password.
final class VerifiedPasswords: Sendable {
    private let key = Sodium.randomBytes(32)
    private let known = Mutex<[[UInt8]: ContinuousClock.Instant]>([:])
    private let time: Duration

    private let most: Int

    init(time: Duration = AccessLimits().verifiedTime, most: Int = AccessLimits().verifiedPasswords) {
        self.time = time
        self.most = most
    }

    private func digest(_ password: String, of user: User) -> [UInt8] {
        Sodium.digest(
            of: [Array(user.loginName.utf8), Array(password.utf8), Array((user.passwordHash ?? "").utf8)], key: key)
    }

    func contains(_ password: String, of user: User, now: ContinuousClock.Instant = .now) -> Bool {
        guard user.passwordHash != nil else { return false }
        let digest = digest(password, of: user)
        return known.withLock { known in
            guard let end = known[digest] else { return false }
            guard end > now else {
                known[digest] = nil
                return false
            }
            known[digest] = max(end, now + time)
            return true
        }
    }

    func insert(_ password: String, of user: User, now: ContinuousClock.Instant = .now) {
        let digest = digest(password, of: user)
        known.withLock { known in
            if known.count >= most { known = known.filter { $0.value > now } }
            if known.count >= most { known.removeAll(keepingCapacity: true) }
            known[digest] = now + time
        }
    }
}
#endif
