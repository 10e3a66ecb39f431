import ArgumentParser
import DaybookProtocol

/// `daybook users list`.
struct UsersList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Print the users, one a line: login, groups, and whether disabled or without a password.",
        discussion: """
            EXAMPLES
              daybook users list shop.db
              daybook users list --server daybook://shop.example:2113 --user ada --json
            """)

    @OptionGroup var store: StoreArgument
    @Flag(help: "One line of JSON a user.") var json = false

    func run() async throws {
        let users = try await store.withUsers { try await $0.all() }
        try await StandardOutput.shared.write(
            json ? users.flatMap(Self.jsonLine) : Array(users.map(Self.line).joined().utf8))
    }

    private static func jsonLine(_ user: UserSummary) -> [UInt8] {
        var line = JSONLine()
        line.add("login", user.login)
        line.add("fullName", user.fullName)
        line.add("groups", user.groups)
        line.add("disabled", user.isDisabled)
        line.add("hasPassword", user.hasPassword)
        return line.finished()
    }

    private static func line(_ user: UserSummary) -> String {
        var line = "\(user.login)\t\(user.groups.joined(separator: " "))"
        if user.isDisabled { line += "\tdisabled" }
        if !user.hasPassword { line += "\tcertificate only" }
        return line + "\n"
    }
}
