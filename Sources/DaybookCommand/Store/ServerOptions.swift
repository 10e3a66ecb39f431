import ArgumentParser

/// Who a verb is to the server of a store; see ``ServerLogin``.
struct ServerOptions: ParsableArguments {
    @Option(
        help:
            "The user of a server; else DAYBOOK_USER. The password is in DAYBOOK_PASSWORD, or asked for on a terminal.")
    var user: String?
    @Option(help: "A file with the user's password.", completion: .file()) var passwordFile: String?
    @Option(help: "A file with a token in place of a user; else DAYBOOK_TOKEN.", completion: .file())
    var tokenFile: String?
    @Option(
        name: .customLong("ca-file"),
        help: "The certificates by which a server's is checked, in PEM; else DAYBOOK_CA_FILE, or those of the system.",
        completion: .file())
    var caFile: String?

    func validate() throws {
        guard user == nil || tokenFile == nil else {
            throw ValidationError("--user and --token-file both say who asks: leave one out.")
        }
        guard passwordFile == nil || tokenFile == nil else {
            throw ValidationError("--password-file and --token-file both say who asks: leave one out.")
        }
    }

    var login: ServerLogin {
        ServerLogin(user: user, passwordFile: passwordFile, tokenFile: tokenFile, caFile: caFile)
    }
}
