import ArgumentParser

/// `daybook users password`.
struct UsersPassword: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "password", abstract: "Give a user another password, which is read from standard input.")

    @OptionGroup var store: StoreArgument
    @Argument(help: "The user's login.") var login: String

    func run() async throws {
        let password = try PasswordInput.read("New password: ")
        try await store.withUsers { users in try await users.setPassword(of: login, to: password) }
    }
}
