#if Server
import DaybookCore
import Logging
import Synchronization

/// Takes the tokens of an authority for credentials, and remembers for a while which were right.
final class TokenVerifier: Sendable {
    private struct State: Sendable {
        var keys: TokenKeys
        var mark: FileMark
        var known: [[UInt8]: (login: Login, end: ContinuousClock.Instant)] = [:]
        /// How often the keys were read.
        var reading = 0
    }

    private let authority: TokenAuthority
    private let limits: AccessLimits
    private let key = Sodium.randomBytes(32)
    private let state: Mutex<State>

    /// - Throws: ``ServerError/unusableFile(what:setting:path:reason:)``.
    init(_ authority: TokenAuthority, limits: AccessLimits = AccessLimits()) async throws {
        self.authority = authority
        self.limits = limits
        let mark = FileMark(authority.keys)
        state = Mutex(State(keys: try await TokenKeys(file: authority.keys), mark: mark))
    }

    /// Reads the keys again. What a key made right is forgotten with it.
    func reload() async throws {
        // Before they are read, so that what changes meanwhile is seen the next time.
        let mark = FileMark(authority.keys)
        let keys = try await TokenKeys(file: authority.keys)
        state.withLock { $0 = State(keys: keys, mark: mark, reading: $0.reading + 1) }
    }

    /// Reads the keys again whenever their file has changed, until the task is cancelled.
    ///
    /// - Parameter changes: Told of it, so that calls that go on end with the key of their token.
    func run(_ logger: Logger, changes: AccessChanges) async {
        var refused: FileMark?
        while (try? await Task.sleep(for: FileMark.period)) != nil {
            let mark = FileMark(authority.keys)
            guard mark != state.withLock(\.mark), mark != refused else { continue }
            do {
                try await reload()
                changes.note([])
                refused = nil
                logger.notice("The keys of tokens were read again.", metadata: ["file": "\(authority.keys)"])
            } catch {
                refused = mark
                logger.error(
                    "The keys of tokens cannot be read; those before are used.", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Nil for a token that is none of the authority's, not for this server, or does not hold now.
    func login(_ token: String, now: Timestamp = TimeSource.system.now) -> Login? {
        let digest = Sodium.digest(of: [Array(token.utf8)], key: key)
        let instant = ContinuousClock.now
        let keys = state.withLock { state -> Result<Login, Unknown> in
            if let known = state.known[digest], known.end > instant { return .success(known.login) }
            return .failure(Unknown(keys: state.keys, reading: state.reading))
        }
        switch keys {
        case .success(let login): return login
        case .failure(let unknown):
            guard let payload = unknown.keys.payload(of: token),
                let claims = TokenClaims(payload, of: authority, now: now)
            else { return nil }
            let end = instant + claims.rest
            let principal = Principal(login: claims.subject, groups: claims.groups)
            let login = Login(principal: principal, token: token, end: end)
            remember(
                login, digest, until: min(end, instant + limits.verifiedTime), now: instant,
                reading: unknown.reading)
            return login
        }
    }

    private struct Unknown: Error {
        let keys: TokenKeys
        let reading: Int
    }

    private func remember(
        _ login: Login, _ digest: [UInt8], until end: ContinuousClock.Instant, now: ContinuousClock.Instant,
        reading: Int
    ) {
        state.withLock { state in
            guard state.reading == reading else { return }  // By keys that are there no more.
            if state.known.count >= limits.verifiedPasswords {
                state.known = state.known.filter { $0.value.end > now }
            }
            if state.known.count >= limits.verifiedPasswords { state.known.removeAll(keepingCapacity: true) }
            state.known[digest] = (login, end)
        }
    }
}
#endif
