import ArgumentParser

/// `daybook users remove`.
struct UsersRemove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "remove", abstract: "Remove a user.")

    @OptionGroup var store: StoreArgument
    @Argument(help: "The user's login.") var login: String

    func run() async throws {
        try await store.withUsers { users in try await users.remove(login) }
    }
}
