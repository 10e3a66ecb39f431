#if Server
/// A configuration of which everything was looked at that a server needs beside its store: where it would listen, and the files and
/// folders that it names. What files hold is kept, so that the server reads none of them a second time.
///
/// ```swift
/// let checked = try await CheckedConfiguration(configuration)    // Before there is a store, or a file for it.
/// let server = try await DaybookServer(store: store, checked: checked)
/// ```
public struct CheckedConfiguration: Sendable {
    private(set) var configuration: ServerConfiguration
    /// Nil where connections are not encrypted.
    let tls: TLSCredentials?
    let rules: [AccessRule]
    /// Whether clients have to say who they are: always where there is TLS.
    let asksWhoCalls: Bool
    /// Nil where no tokens are taken, or nobody is asked who calls.
    let tokens: TokenVerifier?

    /// - Throws: ``ServerError``.
    public init(_ configuration: ServerConfiguration) async throws {
        self.configuration = configuration
        guard configuration.tls != nil || ["127.0.0.1", "::1", "localhost"].contains(configuration.host) else {
            throw ServerError.notLoopback(host: configuration.host)
        }
        tls = try configuration.tls.map { try TLSCredentials($0) }
        rules = try configuration.accessRules.map { try AccessRule.list(inFile: $0) } ?? []
        asksWhoCalls = configuration.asksWhoCalls || configuration.tls != nil
        if asksWhoCalls, let authority = configuration.tokens {
            tokens = try await TokenVerifier(authority, limits: configuration.limits.access)
        } else {
            tokens = nil
        }
        if let folder = configuration.backupFolder {
            try NamedFile(what: "The folder of backups", setting: "--backup-folder", path: folder).checkFolder()
        }
    }

    /// ``ServerConfiguration/scavenge``, which is known when the store is there.
    public var scavenge: (@Sendable () async throws -> Void)? {
        get { configuration.scavenge }
        set { configuration.scavenge = newValue }
    }
}
#endif
