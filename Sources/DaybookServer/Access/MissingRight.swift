#if Server
/// The right that somebody lacks who is refused, in words for them and for whoever gives rights. It names nothing that they have
/// not named themselves, so that it tells nobody what there is.
struct MissingRight: Sendable, Hashable, CustomStringConvertible {
    /// Nil for who holds the token of a server without users.
    let login: String?
    /// Nil for something that the caller has not named.
    private let action: AccessAction?

    init(_ action: AccessAction?, of principal: Principal) {
        login = principal.kind == .founder ? nil : principal.login
        self.action = action
    }

    private init(login: String?, action: AccessAction?) {
        self.login = login
        self.action = action
    }

    /// The same, without what it is about.
    var unnamed: MissingRight { MissingRight(login: login, action: nil) }

    /// As it goes on behind `The user may not do this: `.
    var description: String {
        guard let login else {
            return
                "there are no users yet, and the token makes the first one alone: make it by 'daybook users add' or POST "
                + "/v1/users, and ask as that user"
        }
        guard !isForNobody else { return "nobody has the right to \(deed), which is only read" }
        return "user '\(login)' has no right to \(deed): \(holders)"
    }

    /// What was to be done, for programs' users: `append to stream 'order-1'`.
    var deed: String {
        switch action {
        case .stream(let right, let resource):
            let what = Self.phrase(resource)
            let meant = resource.isMetadata ? right.ofMetadata : right
            return switch meant {
            case .read: "read \(what)"
            case .write: "append to \(what)"
            case .delete: "delete \(what)"
            case .readMetadata: "read the metadata of \(what)"
            case .writeMetadata: "change the metadata of \(what)"
            }
        case .consume(let resource): return "take events of \(Self.phrase(resource)) from a group of consumers"
        case .askLog: return "ask what became of a command, or to set a condition on tags"
        case .derive: return "keep checkpoints, snapshots and read models"
        case .operate: return "look after the server"
        case .discover, .call, .administer, .found, nil: return "do this"
        }
    }

    /// Whose it is, or how to come by it.
    private var holders: String {
        switch action {
        case .askLog: "members of $readers, $writers and $admins have it"
        case .derive: "members of $projectors and $admins have it"
        case .operate: "members of $ops and $admins have it"
        case .administer, .found: "members of $admins have it"
        case .stream(_, let resource) where resource.kind == .users: "members of $admins have it"
        case .stream, .consume, .discover, .call, nil: "ask an admin for it"
        }
    }

    private var isForNobody: Bool {
        guard case .stream(let right, let resource) = action else { return false }
        return (resource.kind == .log || resource.kind == .index)
            && !(resource.isMetadata ? right.ofMetadata : right).isReading
    }

    /// The most scalars of a name that are repeated: nobody has looked at it yet, and one letter may have any number of them.
    private static let nameScalars = 200

    private static func phrase(_ resource: StreamResource) -> String {
        guard resource.kind != .log else { return "the whole log ($all)" }
        let name = resource.name.rawValue.unicodeScalars
        let shown = name.prefix(nameScalars)
        return "stream '\(String(shown))\(shown.endIndex < name.endIndex ? "…" : "")'"
    }
}
#endif
