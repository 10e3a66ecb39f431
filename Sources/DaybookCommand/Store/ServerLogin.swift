import ArgumentParser
import Foundation

#if Client
import DaybookClient
#endif

/// Who the command is to a server, and by which certificates it knows the server. What options do not say, the environment says:
/// a password never stands among the arguments of a process, which every user of a machine may read.
struct ServerLogin: Sendable {
    var user: String?
    var passwordFile: String?
    var tokenFile: String?
    var caFile: String?

    var isGivenByOptions: Bool { user != nil || tokenFile != nil }

    private static func environment(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    var trustedCertificates: String? { caFile ?? Self.environment("DAYBOOK_CA_FILE") }

    #if Client
    /// Nil when nothing says who asks.
    ///
    /// - Parameter place: The server, for what a person is asked.
    func credentials(at place: String) throws(CommandFailure) -> ClientCredentials? {
        if let tokenFile { return .token(try Self.secret(in: tokenFile)) }
        if user == nil, let token = Self.environment("DAYBOOK_TOKEN") { return .token(token) }
        guard let user = user ?? Self.environment("DAYBOOK_USER") else { return nil }
        guard !user.contains(":") else { throw CommandFailure(.usage, "The name of a user has no colon.") }
        return .user(user, password: try password(of: user, at: place))
    }
    #endif

    private func password(of user: String, at place: String) throws(CommandFailure) -> String {
        if let passwordFile { return try Self.secret(in: passwordFile) }
        if let password = Self.environment("DAYBOOK_PASSWORD") { return password }
        // Standard input may be what is appended, or the password of somebody else.
        if let password = try PasswordInput.ask("Password of \(user) at \(place): ") { return password }
        throw CommandFailure(
            .usage,
            "There is no password of '\(user)', and no terminal to ask on: put it into DAYBOOK_PASSWORD, or name a --password-file."
        )
    }

    /// The first line of a file.
    private static func secret(in path: String) throws(CommandFailure) -> String {
        let text: String
        do { text = try String(contentsOfFile: path, encoding: .utf8) } catch {
            throw CommandFailure(.missingFile, "'\(path)' cannot be read: \(error.localizedDescription)")
        }
        guard let line = text.split(whereSeparator: \.isNewline).first else {
            throw CommandFailure(.malformedInput, "'\(path)' is empty: write what is secret there, as one line.")
        }
        return String(line)
    }
}
