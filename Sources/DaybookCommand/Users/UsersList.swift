#if Server
import ArgumentParser
import DaybookServer

/// `daybook users list`.
struct UsersList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Print the users, one a line: login, groups, and what is particular.")

    @OptionGroup var store: StoreArgument

    func run() async throws {
        try await store.withUsers { users in
            for user in try await users.all() {
                var line = "\(user.login)\t\(user.groups.joined(separator: " "))"
                if user.isDisabled { line += "\tdisabled" }
                if !user.hasPassword { line += "\tcertificate only" }
                print(line)
            }
        }
    }
}
#endif
