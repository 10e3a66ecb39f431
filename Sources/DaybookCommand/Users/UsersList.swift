import ArgumentParser
import DaybookProtocol

/// `daybook users list`.
struct UsersList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Print the users, one a line: login, groups, and whether disabled or without a password.")

    @OptionGroup var store: StoreArgument

    func run() async throws {
        let users = try await store.withUsers { try await $0.all() }
        try await StandardOutput.shared.write(users.map(Self.line).joined())
    }

    private static func line(_ user: UserSummary) -> String {
        var line = "\(user.login)\t\(user.groups.joined(separator: " "))"
        if user.isDisabled { line += "\tdisabled" }
        if !user.hasPassword { line += "\tcertificate only" }
        return line + "\n"
    }
}
