import ArgumentParser

/// Who a verb is to the server of a store; see ``ServerLogin``.
struct ServerOptions: ParsableArguments {
    @Option(help: "The user of a server; else DAYBOOK_USER. The password is in DAYBOOK_PASSWORD, or asked for.")
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
        guard user == nil || tokenFile == nil else { throw ValidationError("Either --user or --token-file.") }
        guard passwordFile == nil || tokenFile == nil else {
            throw ValidationError("Either --password-file or --token-file.")
        }
    }

    var login: ServerLogin {
        ServerLogin(user: user, passwordFile: passwordFile, tokenFile: tokenFile, caFile: caFile)
    }
}
