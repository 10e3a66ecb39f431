/// A user of a server, as others may see it.
package struct UserSummary: WireMessage, Hashable {
    package var login: String
    package var fullName: String
    package var groups: [String]
    package var isDisabled: Bool
    /// Without a password a user shows a certificate.
    package var hasPassword: Bool

    package init(login: String, fullName: String, groups: [String], isDisabled: Bool, hasPassword: Bool) {
        self.login = login
        self.fullName = fullName
        self.groups = groups
        self.isDisabled = isDisabled
        self.hasPassword = hasPassword
    }

    package func write(to writer: inout WireWriter) {
        writer.text(1, login)
        writer.text(2, fullName)
        for group in groups { writer.text(3, present: group) }
        writer.flag(4, isDisabled)
        writer.flag(5, hasPassword)
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init(login: "", fullName: "", groups: [], isDisabled: false, hasPassword: false)
        while let field = try reader.next() {
            switch field.number {
            case 1: login = try reader.text(field)
            case 2: fullName = try reader.text(field)
            case 3: groups.append(try reader.text(field))
            case 4: isDisabled = try reader.flag(field)
            case 5: hasPassword = try reader.flag(field)
            default: break
            }
        }
    }
}

/// `ListUsersRequest`.
package struct UsersRequest: WireMessage {
    /// How many users were listed before; those that come later are behind them.
    package var skipped: Int

    package init(skipping skipped: Int) { self.skipped = skipped }

    package func write(to writer: inout WireWriter) { writer.number(1, Int64(skipped)) }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init(skipping: 0)
        while let field = try reader.next() {
            if field.number == 1 { skipped = Int(try reader.number(field)) }
        }
    }
}

/// `ListUsersResponse`.
package struct UsersPage: WireMessage {
    package var users: [UserSummary]
    package var isAtEnd: Bool

    package init(_ users: [UserSummary], isAtEnd: Bool) {
        self.users = users
        self.isAtEnd = isAtEnd
    }

    package func write(to writer: inout WireWriter) {
        for user in users { writer.message(1, user) }
        writer.flag(2, isAtEnd)
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init([], isAtEnd: false)
        while let field = try reader.next() {
            switch field.number {
            case 1: users.append(try reader.message(field, UserSummary.self))
            case 2: isAtEnd = try reader.flag(field)
            default: break
            }
        }
    }
}

/// What a user is to be like, or to have: `AddUserRequest`, `SetPasswordRequest` and `RemoveUserRequest`, which have some of it.
package struct UserRequest: WireMessage {
    package var login: String
    package var password: String?
    package var fullName: String
    package var groups: [String]

    package init(login: String, password: String? = nil, fullName: String = "", groups: [String] = []) {
        self.login = login
        self.password = password
        self.fullName = fullName
        self.groups = groups
    }

    package func write(to writer: inout WireWriter) {
        writer.text(1, login)
        writer.text(2, optional: password)
        writer.text(3, fullName)
        for group in groups { writer.text(4, present: group) }
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init(login: "")
        while let field = try reader.next() {
            switch field.number {
            case 1: login = try reader.text(field)
            case 2: password = try reader.text(field)
            case 3: fullName = try reader.text(field)
            case 4: groups.append(try reader.text(field))
            default: break
            }
        }
    }
}
