#if Server
import DaybookCore
import Foundation
import Synchronization

/// The users of the server, who are events of its log: each has a stream, whose last event tells what the user is like, and which
/// keeps no other, so that a scavenge removes old hashes. Changes are made one at a time.
final class UserDirectory: Sendable {
    private let log: KurrentLog
    private let passwords: PasswordHasher
    private let founding: FoundingToken
    private let changes = Turnstile()
    private let known = Mutex<[String: (count: UInt64, user: User?)]>([:])

    init(log: KurrentLog, passwords: PasswordHasher, founding: FoundingToken) {
        self.log = log
        self.passwords = passwords
        self.founding = founding
    }

    /// What a new user is to be like.
    struct Draft: Sendable {
        var login: String
        /// Nil for a user who has a certificate only.
        var password: String?
        var fullName = ""
        var groups: [String] = []

        init(login: String, password: String?, fullName: String = "", groups: [String] = []) {
            self.login = login
            self.password = password
            self.fullName = fullName
            self.groups = groups
        }
    }

    // MARK: - Who there is

    /// Nil when there is none. A name that no login can have is nobody's.
    func user(_ login: String) async throws(AccessDenial) -> User? {
        guard User.isLogin(login) else { return nil }
        let count = log.accessChanges.count(of: User.stream(of: login))
        if let known = known.withLock({ $0[login] }), known.count == count { return known.user }
        let user: User?
        do { user = try await stored(login).user } catch let failure as UserFailure {
            throw .unavailable(RPCStatus(failure).message)
        } catch let failure as KurrentFailure {
            throw .unavailable(RPCStatus(failure).message)
        } catch {
            throw .unavailable("\(error)")
        }
        known.withLock { known in
            if known.count >= AccessLimits.users { known.removeAll(keepingCapacity: true) }
            known[login] = (count, user)
        }
        return user
    }

    /// All users, in the order in which they were first made.
    func all() async throws -> [User] {
        var users: [User] = []
        for login in try await logins() {
            if let user = try await user(login) { users.append(user) }
        }
        return users
    }

    /// Whether there is anybody.
    func isEmpty() async throws -> Bool {
        for login in try await logins() {
            if try await user(login) != nil { return false }
        }
        return true
    }

    private func logins() async throws -> [String] {
        var logins: [String] = []
        var seen: Set<String> = []
        for try await event in log.store.events(of: StreamName(unchecked: User.list)) {
            let login = String(decoding: event.data, as: UTF8.self)
            if event.type == User.listed, User.isLogin(login), seen.insert(login).inserted { logins.append(login) }
        }
        return logins
    }

    /// - Throws: ``KurrentFailure`` when the log cannot be read, ``UserFailure/unreadable(login:position:)``.
    private func stored(_ login: String) async throws -> (user: User?, version: StreamVersion?) {
        guard let event = try await log.lastEvent(of: User.stream(of: login)) else { return (nil, nil) }
        guard event.type != User.deleted else { return (nil, event.version) }
        guard var user = try? JSONDecoder().decode(User.self, from: Data(event.data)), user.loginName == login else {
            throw UserFailure.unreadable(login: login, position: event.position)
        }
        user.changedAt = event.recordedAt
        return (user, event.version)
    }

    // MARK: - Changes

    /// - Parameter isFirst: Whether it is to be the first of all, who is an admin whatever the draft says.
    func create(_ draft: Draft, isFirst: Bool = false) async throws {
        guard User.isLogin(draft.login) else {
            throw UserFailure.invalid(
                "A login has 1 to \(AccessLimits.loginBytes) of the letters a to z and A to Z, digits and . _ - @ +.")
        }
        var user = User(loginName: draft.login, fullName: draft.fullName, groups: draft.groups)
        if isFirst, !user.groups.contains(Role.admin.rawValue) { user.groups.append(Role.admin.rawValue) }
        try Self.check(user)
        if let password = draft.password { user.passwordHash = try await hash(password) }
        try await changes.pass { [self, user] in
            if isFirst {
                guard try await isEmpty() else { throw AccessDenial.unauthenticated }
            }
            let (present, version) = try await stored(user.loginName)
            guard present == nil else { throw UserFailure.exists(login: user.loginName) }
            if version == nil, try await logins().count >= AccessLimits.users {
                throw UserFailure.invalid("There are \(AccessLimits.users) users, which is the limit.")
            }
            try await write(user, User.created, after: version)
            founding.end()
        }
    }

    /// Changes what a user is like; the password stays when none is given.
    func update(_ login: String, fullName: String, groups: [String], password: String?) async throws {
        let hash = try await password.asyncMap { try await self.hash($0) }
        try await change(login, User.updated) { user in
            user.fullName = fullName
            user.groups = groups
            if let hash { user.passwordHash = hash }
        }
    }

    func setDisabled(_ isDisabled: Bool, _ login: String) async throws {
        try await change(login, User.updated) { $0.disabled = isDisabled }
    }

    func resetPassword(of login: String, to password: String) async throws {
        let hash = try await hash(password)
        try await change(login, User.passwordChanged) { $0.passwordHash = hash }
    }

    func changePassword(of login: String, from present: String, to password: String) async throws {
        guard let user = try await user(login) else { throw UserFailure.notFound(login: login) }
        guard try await passwords.isRight(present, user.passwordHash), !user.disabled else {
            throw UserFailure.wrongPassword
        }
        let hash = try await hash(password)
        try await change(login, User.passwordChanged) { now in
            // Else two who change it at once would both be told that they have.
            guard now.passwordHash == user.passwordHash else { throw UserFailure.conflict(login: login) }
            now.passwordHash = hash
        }
    }

    func delete(_ login: String) async throws {
        try await changes.pass { [self] in
            let (user, version) = try await stored(login)
            guard user != nil else { throw UserFailure.notFound(login: login) }
            let event = NewEvent(type: User.deleted, data: Array(#"{"loginName":"\#(login)"}"#.utf8))
            try await commit([event], of: login, after: version)
        }
    }

    private func change(
        _ login: String, _ type: EventType, _ edit: @escaping @Sendable (inout User) throws -> Void
    ) async throws {
        try await changes.pass { [self] in
            guard case (var user?, let version) = try await stored(login) else {
                throw UserFailure.notFound(login: login)
            }
            try edit(&user)
            try Self.check(user)
            try await write(user, type, after: version)
        }
    }

    private static func check(_ user: User) throws(UserFailure) {
        guard user.fullName.utf8.count <= AccessLimits.fullNameBytes else {
            throw .invalid("A full name has at most \(AccessLimits.fullNameBytes) bytes.")
        }
        guard user.groups.count <= AccessLimits.groupsPerUser, user.groups.allSatisfy({ User.isGroup($0) }) else {
            throw .invalid(
                "A user has at most \(AccessLimits.groupsPerUser) groups, which are named as logins are, or with a $ before: "
                    + "$admins, $ops, $writers, $readers.")
        }
    }

    private func hash(_ password: String) async throws -> String {
        guard (AccessLimits.newPasswordBytes...AccessLimits.passwordBytes).contains(password.utf8.count) else {
            throw UserFailure.invalid(
                "A password has \(AccessLimits.newPasswordBytes) to \(AccessLimits.passwordBytes) bytes.")
        }
        return try await passwords.hash(password)
    }

    private func write(_ user: User, _ type: EventType, after version: StreamVersion?) async throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let event = NewEvent(type: type, data: Array(try encoder.encode(user)))
        try await commit([event], of: user.loginName, after: version)
    }

    private func commit(_ events: [NewEvent], of login: String, after version: StreamVersion?) async throws {
        let stream = User.stream(of: login)
        // First, since the store changes a stream once in an append: else who stops between has a user whose old hashes stay.
        if version == nil { try await keepLastEvent(of: stream) }
        var request = AppendRequest()
        request.append(events, to: stream, expecting: version.map { ExpectedVersion.version($0) } ?? .noStream)
        if version == nil {
            let listed = NewEvent(type: User.listed, contentType: .bytes, data: Array(login.utf8))
            request.append([listed], to: StreamName(unchecked: User.list))
        }
        do throws(AppendError) {
            _ = try await log.commit(request)
        } catch {
            if case .wrongExpectedVersion = error { throw UserFailure.conflict(login: login) }
            throw UserFailure.unavailable(error.description)
        }
    }

    private func keepLastEvent(of stream: StreamName) async throws(UserFailure) {
        let metadata = NewEvent(
            type: EventType(unchecked: KurrentNames.metadataType), data: Array(#"{"$maxCount":1}"#.utf8))
        do throws(KurrentFailure) {
            _ = try await log.append([metadata], to: KurrentNames.metadataPrefix + stream.rawValue, expecting: .any)
        } catch {
            throw .unavailable("\(error)")
        }
    }
}

extension Optional {
    fileprivate func asyncMap<T>(_ transform: (Wrapped) async throws -> T) async throws -> T? {
        guard let self else { return nil }
        return try await transform(self)
    }
}
#endif
