#if Server
import DaybookCore
import Logging
import Synchronization

/// Tells who makes a call, and what they may do: gives ``AccessPolicy`` what it asks for out of the log, and remembers it.
final class AccessControl: Sendable {
    let log: KurrentLog
    let users: UserDirectory
    let records: AccessRecords
    let limits: AccessLimits
    private let authenticator: Authenticator
    private let rules: [AccessRule]
    private let lists = Mutex<[StreamName: (count: UInt64, list: AccessList?)]>([:])
    private let defaults = Mutex<(count: UInt64, lists: DefaultAccessLists)?>(nil)

    init(
        log: KurrentLog, users: UserDirectory, authenticator: Authenticator, rules: [AccessRule],
        records: AccessRecords, limits: AccessLimits = AccessLimits()
    ) {
        self.log = log
        self.users = users
        self.authenticator = authenticator
        self.rules = rules
        self.records = records
        self.limits = limits
    }

    /// - Parameter address: Where the client is: where too many logins have failed, no more are looked at.
    func login(_ credentials: Credentials, from address: String) async throws(AccessDenial) -> Login {
        try await authenticator.login(credentials, from: address)
    }

    /// What has become of somebody who logged in before.
    func renewed(_ login: Login) async throws(AccessDenial) -> Login {
        if let end = login.end, end <= .now { throw .unauthenticated }
        if let token = login.token, !authenticator.isRight(token: token) { throw .unauthenticated }
        guard let user = login.user else { return login }
        guard let now = try await users.user(user.loginName), !now.disabled, now.passwordHash == user.passwordHash
        else {
            throw .unauthenticated
        }
        return Login(user: now, end: login.end)
    }

    func decision(
        on action: AccessAction, by principal: Principal
    ) async throws(AccessDenial) -> AccessDecision {
        var policy = AccessPolicy(rules: rules)
        guard principal.kind == .user, !principal.has(.admin) else {
            return policy.decision(on: action, by: principal)
        }
        switch action {
        case .stream(_, let resource), .consume(let resource):
            policy.defaults = try await defaultLists()
            return policy.decision(on: action, by: principal, list: try await list(of: resource))
        default:
            return policy.decision(on: action, by: principal)
        }
    }

    private func list(of resource: StreamResource) async throws(AccessDenial) -> AccessList? {
        switch resource.kind {
        case .log, .index, .users: return nil
        case .system, .ordinary: break
        }
        guard let stream = KurrentNames.metadata(of: resource.name.rawValue) else { return nil }
        let count = log.accessChanges.count(of: stream)
        if let known = lists.withLock({ $0[stream] }), known.count == count { return known.list }
        let event = try await lastEvent(of: stream)
        let list = event.flatMap { event -> AccessList? in
            guard event.contentType == .json, event.type.rawValue == KurrentNames.metadataType else { return nil }
            return AccessList(metadata: event.data)
        }
        lists.withLock { lists in
            if lists.count >= limits.listsRemembered { lists.removeAll(keepingCapacity: true) }
            lists[stream] = (count, list)
        }
        return list
    }

    private func defaultLists() async throws(AccessDenial) -> DefaultAccessLists {
        let count = log.accessChanges.count(of: AccessChanges.settings)
        if let known = defaults.withLock({ $0 }), known.count == count { return known.lists }
        let event = try await lastEvent(of: AccessChanges.settings)
        var lists = DefaultAccessLists()
        if let event, event.type.rawValue == "$settings" { lists = DefaultAccessLists(settings: event.data) }
        defaults.withLock { [lists] in $0 = (count, lists) }
        return lists
    }

    private func lastEvent(of stream: StreamName) async throws(AccessDenial) -> RecordedEvent? {
        do { return try await log.lastEvent(of: stream) } catch {
            throw .unavailable("The access lists cannot be read: \(RPCStatus(error).message)")
        }
    }
}
#endif
