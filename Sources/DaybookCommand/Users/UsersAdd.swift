import ArgumentParser
import DaybookProtocol

/// `daybook users add`.
struct UsersAdd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Make a user; the password is read from standard input.")

    @OptionGroup var store: StoreArgument
    @Argument(help: "The name by which the user logs in; of one with a certificate, its common name.") var login: String
    @Option(name: .customLong("group"), help: "A group of the user, as in '$writers'; may be repeated.")
    var groups: [String] = []
    @Option(help: "The user's full name.") var fullName = ""
    @Flag(help: "The user has no password, and shows a certificate.") var certificateOnly = false

    func validate() throws {
        for group in groups where ["admins", "ops", "projectors", "writers", "readers", ""].contains(group) {
            throw ValidationError(
                group.isEmpty
                    ? "--group is empty: the shell takes \"$admins\" for a variable, so write '$admins' in single quotes."
                    : "The group '\(group)' gives no rights by itself: write '$\(group)', in single quotes.")
        }
    }

    func run() async throws {
        let password = certificateOnly ? nil : try PasswordInput.read("Password of the new user: ")
        let user = UserRequest(login: login, password: password, fullName: fullName, groups: groups)
        try await store.withUsers(creates: true) { users in try await users.add(user) }
    }
}
