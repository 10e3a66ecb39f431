#if Server
import DaybookCore
import Foundation

/// A user of the server: the data of the last event of the stream `$user-` and the login, whose keys are KurrentDB's but for the
/// password, which is hashed otherwise.
struct User: Sendable, Hashable, Codable {
    let loginName: String
    var fullName: String
    var groups: [String]
    var disabled: Bool
    /// As libsodium writes it: with the algorithm, its cost and the salt. Nil for a user who has a certificate only.
    var passwordHash: String?
    /// When the event was recorded.
    var changedAt = Timestamp(microseconds: 0)

    private enum CodingKeys: String, CodingKey {
        case loginName, fullName, groups, disabled, passwordHash
    }

    init(loginName: String, fullName: String, groups: [String], disabled: Bool = false, passwordHash: String? = nil) {
        self.loginName = loginName
        self.fullName = fullName
        self.groups = groups
        self.disabled = disabled
        self.passwordHash = passwordHash
    }

    static let streamPrefix = "$user-"
    /// The stream with the logins of all users that ever were, one an event.
    static let list = "$users"

    static let created: EventType = "$UserCreated"
    static let updated: EventType = "$UserUpdated"
    static let passwordChanged: EventType = "$PasswordChanged"
    static let deleted: EventType = "$UserDeleted"
    static let listed: EventType = "$User"

    static func stream(of login: String) -> StreamName { StreamName(unchecked: streamPrefix + login) }

    /// Of ASCII alone, so that no two logins look alike, or are one to Unicode and two to the log.
    static func isLogin(_ text: String) -> Bool {
        (1...AccessLimits.loginBytes).contains(text.utf8.count) && text.utf8.allSatisfy { isPlain($0) }
    }

    /// Groups are named as logins are, those that the server knows with a `$`.
    static func isGroup(_ text: String) -> Bool {
        let rest = text.utf8.first == UInt8(ascii: "$") ? String(text.dropFirst()) : text
        return isLogin(rest) && text != Principal.everyone
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"),
            UInt8(ascii: "@"), UInt8(ascii: "+"):
            true
        default: false
        }
    }
}
#endif
