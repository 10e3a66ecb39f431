#if Server
/// Who may do what: one function for every protocol, which looks at nothing but what it is given.
///
/// Nothing is allowed that nothing allows. For a stream these are asked, and the first that knows an answer gives it:
///
/// 1. Admins may do everything but write to what is only read.
/// 2. The streams of the users are nobody else's.
/// 3. A rule that denies.
/// 4. The access list in the stream's metadata, for each right that it names. One that does not name who may change the metadata
///    leaves that, and so itself, to admins; who may read the stream may read its metadata.
/// 5. A rule that allows.
/// 6. The default access lists of `$settings`.
/// 7. The roles, for streams that are not the system's.
struct AccessPolicy: Sendable, Hashable {
    /// The server's own list.
    var rules: [AccessRule] = []
    var defaults = DefaultAccessLists()

    /// - Parameter list: That of the stream that is asked for; nil when it has none.
    func decision(on action: AccessAction, by principal: Principal, list: AccessList? = nil) -> AccessDecision {
        if action == .discover { return .allowed }
        switch principal.kind {
        case .anonymous: return .unauthenticated
        case .founder: return action == .found ? .allowed : .denied
        case .user: break
        }
        switch action {
        case .discover, .call: return .allowed
        case .found, .administer: return allowed(principal.has(.admin))
        case .derive: return allowed(principal.has(.admin) || principal.has(.projector))
        case .operate: return allowed(principal.has(.admin) || principal.has(.operator))
        case .askLog: return allowed(principal.has(.admin) || principal.has(.writer) || principal.has(.reader))
        case .stream(let right, let resource):
            return stream(right, resource, principal, list)
        case .consume(let resource):
            return stream(.read, resource, principal, list) == .allowed ? .allowed : .denied
        }
    }

    private func allowed(_ isAllowed: Bool) -> AccessDecision { isAllowed ? .allowed : .denied }

    private func stream(
        _ asked: StreamRight, _ resource: StreamResource, _ principal: Principal, _ list: AccessList?
    ) -> AccessDecision {
        let right = resource.isMetadata ? asked.ofMetadata : asked
        let isRead = resource.kind == .log || resource.kind == .index
        if isRead, !right.isReading { return .denied }
        if principal.has(.admin) { return .allowed }
        if resource.kind == .users { return .denied }
        if rules.contains(where: { $0.effect == .deny && $0.applies(right, of: resource, to: principal) }) {
            return .denied
        }
        if !isRead, let list {
            if let names = list[right] ?? (right == .readMetadata ? list[.read] : nil) {
                return allowed(names.contains { principal.isNamed(by: $0) })
            }
            if right == .writeMetadata { return .denied }
        }
        if rules.contains(where: { $0.effect == .allow && $0.applies(right, of: resource, to: principal) }) {
            return isRead ? .allowedInPart : .allowed
        }
        let defaultList = resource.kind == .ordinary ? defaults.ordinary : defaults.system
        if let names = defaultList[right] {
            guard names.contains(where: { principal.isNamed(by: $0) }) else { return .denied }
            return isRead ? .allowedInPart : .allowed
        }
        return byRole(right, resource, principal)
    }

    private func byRole(_ right: StreamRight, _ resource: StreamResource, _ principal: Principal) -> AccessDecision {
        switch resource.kind {
        case .system, .users: return .denied
        case .log, .index:
            return principal.has(.reader) || principal.has(.writer) ? .allowedInPart : .denied
        case .ordinary:
            return allowed(principal.has(.writer) || (right.isReading && principal.has(.reader)))
        }
    }
}
#endif
