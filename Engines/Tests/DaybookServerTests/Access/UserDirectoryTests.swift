import DaybookCore
import Logging
import NIOPosix
import Testing

@testable import DaybookServer

@Suite("Users", .timeLimit(.minutes(1))) struct UserDirectoryTests {
    private let log: KurrentLog
    private let users: UserDirectory
    private let founding = FoundingToken()
    private let passwords = PasswordHasher(cost: .least)

    init() async throws {
        log = try await KurrentLog.open(InMemoryEventStore())
        users = UserDirectory(log: log, passwords: passwords, founding: founding)
    }

    private func authenticator(failures: LoginFailures = LoginFailures()) -> Authenticator {
        Authenticator(users: users, passwords: passwords, founding: founding, failures: failures)
    }

    private func add(_ login: String, _ password: String = "correct horse", _ groups: [String] = []) async throws {
        try await users.create(UserDirectory.Draft(login: login, password: password, groups: groups))
    }

    @Test("log in with their password, and no other")
    func login() async throws {
        try await add("ada", "correct horse", ["$admins"])
        let authenticator = authenticator()
        for _ in 0..<2 {  // The second time from memory.
            let login = try await authenticator.login(.basic(login: "ada", password: "correct horse"), from: "here")
            #expect(login.principal == Principal(login: "ada", groups: ["$admins"]))
        }
        for wrong in [
            Credentials.basic(login: "ada", password: "wrong"), .basic(login: "ada", password: ""),
            .basic(login: "eve", password: "correct horse"), .malformed, .bearer(token: "x"),
            .certificate(commonName: "eve"),
        ] {
            await #expect(throws: AccessDenial.unauthenticated) { try await authenticator.login(wrong, from: "here") }
        }
        #expect(try await authenticator.login(.none, from: "here").principal == .anonymous)
        let shown = try await authenticator.login(.certificate(commonName: "ada"), from: "here")
        #expect(shown.principal.login == "ada")
    }

    @Test("cannot log in any more with a password that was changed, nor when they are disabled or deleted")
    func changes() async throws {
        try await add("ada")
        let authenticator = authenticator(failures: LoginFailures(limit: 100))
        let old = Credentials.basic(login: "ada", password: "correct horse")
        _ = try await authenticator.login(old, from: "here")
        try await users.changePassword(of: "ada", from: "correct horse", to: "battery staple")
        await #expect(throws: AccessDenial.unauthenticated) { try await authenticator.login(old, from: "here") }
        let new = Credentials.basic(login: "ada", password: "battery staple")
        _ = try await authenticator.login(new, from: "here")
        try await users.setDisabled(true, "ada")
        await #expect(throws: AccessDenial.unauthenticated) { try await authenticator.login(new, from: "here") }
        await #expect(throws: AccessDenial.unauthenticated) {
            try await authenticator.login(.certificate(commonName: "ada"), from: "here")
        }
        try await users.setDisabled(false, "ada")
        _ = try await authenticator.login(new, from: "here")
        try await users.delete("ada")
        await #expect(throws: AccessDenial.unauthenticated) { try await authenticator.login(new, from: "here") }
        #expect(try await users.isEmpty())
        try await add("ada", "another one")
        await #expect(throws: AccessDenial.unauthenticated) { try await authenticator.login(new, from: "here") }
        #expect(try await users.all().map(\.loginName) == ["ada"])
    }

    @Test("cannot log in any more with a certificate that has ended on an open connection, nor go on with it")
    func certificates() async throws {
        try await add("ada")
        let authenticator = authenticator()
        let end = ContinuousClock.now
        await #expect(throws: AccessDenial.unauthenticated) {
            try await authenticator.login(.certificate(commonName: "ada", end: end), from: "here")
        }
        let later = end + .seconds(3_600)
        let login = try await authenticator.login(.certificate(commonName: "ada", end: later), from: "here")
        #expect(login.end == later)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let control = AccessControl(
            log: log, users: users, authenticator: authenticator, rules: [],
            records: AccessRecords(logger: logger))
        #expect(try await control.renewed(login).end == later)
        await #expect(throws: AccessDenial.unauthenticated) {
            let user = try #require(login.user)
            _ = try await control.renewed(Login(user: user, end: end))
        }
    }

    @Test("are made once, and changed where they are")
    func failures() async throws {
        try await add("ada")
        await #expect(throws: UserFailure.exists(login: "ada")) { try await add("ada") }
        await #expect(throws: UserFailure.notFound(login: "eve")) { try await users.delete("eve") }
        await #expect(throws: UserFailure.notFound(login: "eve")) { try await users.setDisabled(true, "eve") }
        await #expect(throws: UserFailure.notFound(login: "eve")) {
            try await users.resetPassword(of: "eve", to: "battery staple")
        }
        await #expect(throws: UserFailure.wrongPassword) {
            try await users.changePassword(of: "ada", from: "wrong", to: "battery staple")
        }
        for login in ["", "a b", "\u{E9}", "$ada", String(repeating: "a", count: 129)] {
            await #expect(throws: UserFailure.self) { try await add(login) }
        }
        await #expect(throws: UserFailure.self) { try await add("eve", "short") }
        await #expect(throws: UserFailure.self) { try await add("eve", "long enough", ["$all"]) }
    }

    @Test("that another program changes in the same store are not those that are remembered")
    func elsewhere() async throws {
        try await add("ada")
        let changes = log.accessChanges
        let start = try await changes.noteRecorded(in: log.store, behind: .start)
        #expect(try await users.user("ada") != nil)
        let other = UserDirectory(log: try await KurrentLog.open(log.store), passwords: passwords, founding: founding)
        try await other.delete("ada")
        let end = try await changes.noteRecorded(in: log.store, behind: start)
        #expect(try await users.user("ada") == nil)
        let total = changes.total
        _ = try await log.append([NewEvent(type: "Placed", data: Array("{}".utf8))], to: "order-1", expecting: .any)
        #expect(try await changes.noteRecorded(in: log.store, behind: end) > end)
        #expect(changes.total == total)
    }

    @Test("whose stream another program deletes in the same store, or empties, are nobody any more")
    func deletedElsewhere() async throws {
        let changes = log.accessChanges
        for login in ["ada", "eve"] {
            try await add(login)
            let start = try await changes.noteRecorded(in: log.store, behind: .start)
            #expect(try await users.user(login) != nil)
            let stream = User.stream(of: login)
            if login == "ada" {
                try await log.store.delete(stream)
            } else {
                try await log.store.setRetention(Retention(truncateBefore: 9), of: stream)
            }
            _ = try await changes.noteRecorded(in: log.store, behind: start)
            #expect(try await users.user(login) == nil)
        }
    }

    @Test("are known to another server of the same log, which keeps one hash of each")
    func recorded() async throws {
        try await add("ada")
        try await users.update("ada", fullName: "Ada Lovelace", groups: ["$ops"], password: nil)
        let other = UserDirectory(log: try await KurrentLog.open(log.store), passwords: passwords, founding: founding)
        let user = try #require(try await other.user("ada"))
        #expect(user.fullName == "Ada Lovelace")
        #expect(user.groups == ["$ops"])
        #expect(user.passwordHash?.hasPrefix("$argon2id$") == true)
        let page = try await log.store.readPage(of: "$user-ada", from: .start, direction: .forward, limit: 10)
        #expect(page.events.count == 1)
    }

    @Test("have a stream that keeps one event before they are in it")
    func kept() async throws {
        let store = WatchedStore(holdsFirstAppend: true)
        let users = UserDirectory(log: try await KurrentLog.open(store), passwords: passwords, founding: founding)
        let creation = Task {
            try await users.create(UserDirectory.Draft(login: "ada", password: "correct horse"))
        }
        await store.waitForWriter()
        store.holdNextAppend()
        store.release()
        await store.waitForWriter()  // The second one comes.
        #expect(try await store.state(of: "$user-ada").lastVersion == nil)
        #expect(try await store.state(of: "$user-ada").retention.maxCount == 1)
        store.release()
        try await creation.value
        #expect(try await users.user("ada") != nil)
    }

    @Test("the first of them is made with a token, once")
    func founder() async throws {
        let old = founding.issue()
        let token = founding.issue()
        let authenticator = authenticator()
        await #expect(throws: AccessDenial.unauthenticated) {
            try await authenticator.login(.bearer(token: old), from: "here")
        }
        #expect(try await authenticator.login(.bearer(token: token), from: "here").principal == .founder)
        try await users.create(UserDirectory.Draft(login: "ada", password: "correct horse"), isFirst: true)
        #expect(try await users.user("ada")?.groups == ["$admins"])
        await #expect(throws: AccessDenial.unauthenticated) {
            try await authenticator.login(.bearer(token: token), from: "here")
        }
        await #expect(throws: AccessDenial.unauthenticated) {
            try await users.create(UserDirectory.Draft(login: "eve", password: "correct horse"), isFirst: true)
        }
    }

    @Test("that fail too often from one place are not looked at any more, but for who is in already")
    func tooManyFailures() async throws {
        try await add("ada")
        try await add("bob")
        let authenticator = authenticator(failures: LoginFailures(limit: 3))
        let ada = Credentials.basic(login: "ada", password: "correct horse")
        let bob = Credentials.basic(login: "bob", password: "correct horse")
        _ = try await authenticator.login(ada, from: "here")
        for _ in 0..<3 {
            await #expect(throws: AccessDenial.unauthenticated) {
                try await authenticator.login(.basic(login: "ada", password: "wrong"), from: "here")
            }
        }
        await #expect(throws: AccessDenial.tooManyFailures) { try await authenticator.login(bob, from: "here") }
        _ = try await authenticator.login(ada, from: "here")
        _ = try await authenticator.login(bob, from: "there")
    }

    @Test("that come at one time are not looked at when too many of them have failed")
    func failuresAtOneTime() async throws {
        try await add("ada")
        let authenticator = authenticator(failures: LoginFailures(limit: 3, forgiveness: .seconds(3_600)))
        // The user is known, so that all come as far as the hashing before the first has failed.
        _ = try await users.user("ada")
        let loop = EventLoopExecutor(MultiThreadedEventLoopGroup.singleton.next())
        let denials = await withTaskGroup(of: AccessDenial?.self) { group in
            for number in 0..<50 {
                group.addTask(executorPreference: loop) {
                    let wrong = Credentials.basic(login: "ada", password: "wrong \(number)")
                    do throws(AccessDenial) {
                        _ = try await authenticator.login(wrong, from: "here")
                        return nil
                    } catch { return error }
                }
            }
            var denials: [AccessDenial?] = []
            for await denial in group { denials.append(denial) }
            return denials
        }
        let looked = denials.filter { $0 == .unauthenticated }.count
        #expect((3..<3 + AccessLimits().hashesAtOnce).contains(looked))
        #expect(denials.filter { $0 == .tooManyFailures }.count == 50 - looked)
    }

    @Test("are not guessed by what is remembered of those who are in")
    func guesses() async throws {
        try await add("ada")
        try await add("bob")
        let authenticator = Authenticator(
            users: users, passwords: passwords, founding: founding,
            failures: LoginFailures(limit: 1, forgiveness: .seconds(3_600)),
            unseen: LoginFailures(limit: 20, forgiveness: .seconds(3_600)))
        let ada = Credentials.basic(login: "ada", password: "correct horse")
        let bob = Credentials.basic(login: "bob", password: "correct horse")
        for user in [ada, bob] { _ = try await authenticator.login(user, from: "here") }
        await #expect(throws: AccessDenial.unauthenticated) {
            try await authenticator.login(.basic(login: "ada", password: "wrong"), from: "here")
        }
        for number in 0..<100 {
            await #expect(throws: AccessDenial.tooManyFailures) {
                try await authenticator.login(.basic(login: "ada", password: "guess \(number)"), from: "here")
            }
        }
        // The right one is as good as the others, where so many were tried; and nobody else is the worse for it.
        await #expect(throws: AccessDenial.tooManyFailures) { try await authenticator.login(ada, from: "here") }
        _ = try await authenticator.login(bob, from: "here")
        _ = try await authenticator.login(ada, from: "there")
    }

    @Test("failures are forgiven one after another")
    func forgiveness() {
        let failures = LoginFailures(limit: 2, forgiveness: .seconds(10))
        let start = ContinuousClock.now
        failures.add("here", now: start)
        #expect(!failures.isOverLimit("here", now: start))
        failures.add("here", now: start)
        #expect(failures.isOverLimit("here", now: start))
        #expect(!failures.isOverLimit("there", now: start))
        #expect(!failures.isOverLimit("here", now: start + .seconds(10)))
        for _ in 0..<100 { failures.add("here", now: start) }
        #expect(!failures.isOverLimit("here", now: start + .seconds(10)))
    }

    @Test("a password is known to be right for a time")
    func verified() {
        let verified = VerifiedPasswords(time: .seconds(10))
        var user = User(loginName: "ada", fullName: "", groups: [], passwordHash: "hash")
        let start = ContinuousClock.now
        #expect(!verified.contains("a", of: user, now: start))
        verified.insert("a", of: user, now: start)
        #expect(verified.contains("a", of: user, now: start))
        #expect(!verified.contains("b", of: user, now: start))
        #expect(!verified.contains("a", of: user, now: start + .seconds(10)))
        verified.insert("a", of: user, now: start)
        for seconds in [9, 18, 27] {  // As long as it is used.
            #expect(verified.contains("a", of: user, now: start + .seconds(seconds)))
        }
        #expect(!verified.contains("a", of: user, now: start + .seconds(37)))
        verified.insert("a", of: user, now: start)
        user.passwordHash = "other"
        #expect(!verified.contains("a", of: user, now: start))
    }
}
