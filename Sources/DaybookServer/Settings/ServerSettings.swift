#if Server
import DaybookCore

/// How `daybook serve` runs, as flags, the environment and a file say it: the first of them that names a setting counts.
///
/// A setting has one name: `--log-level` as a flag, `DAYBOOK_LOG_LEVEL` in the environment, `"log-level"` in the file; a limit is
/// `--limit connections=500`, `DAYBOOK_LIMITS_CONNECTIONS` and `{"limits": {"connections": 500}}`. A variable without a value
/// is as one that is not there. No setting has a secret as its value: those are in files that settings name.
public struct ServerSettings: Sendable {
    /// The store's file.
    public var file: String?
    public var host = ServerConfiguration().host
    public var port = ServerConfiguration.defaultPort
    public var advertisedHost: String?
    public var insecure = false
    public var withoutTLS = false
    public var tlsCertificate: String?
    public var tlsKey: String?
    public var tlsClientCA: String?
    public var tokenKeys: String?
    public var tokenIssuer: String?
    public var tokenAudience: String?
    public var tokenRolesClaim = "roles"
    public var accessRules: String?
    /// Where operators may have the store backed up; nil for nowhere.
    public var backupFolder: String?
    /// Whether there are streams by correlation.
    public var correlationStreams = false
    /// The categories, and the patterns of names, of which each read is in the audit log.
    public var audit: [String] = []
    public var auditStreams: [String] = []
    /// The file of the audit log; nil for one beside the store's.
    public var auditLog: String?
    /// Whether each call is logged when it ends.
    public var accessLog = false
    public var logLevel = "info"
    public var logFormat = LogFormat.text.rawValue
    public var eventSource = ServerConfiguration().eventSource
    public var healthPolicy = HealthPolicy()
    public var limits = ServerLimits()

    /// Where what is not the default comes from, by the path of the setting: `limits.connections`.
    var origins: [String: String] = [:]
    /// Variables of the environment that are nearly those of settings: `DAYBOOK_PROT`, with the one that may be meant.
    public internal(set) var doubtfulVariables: [(name: String, meant: String)] = []

    public init() {}

    /// A setting, what holds, and where that comes from.
    public struct Line: Sendable, Equatable {
        public let name: String
        public let value: String
        public let origin: String
    }

    /// All settings, in the order in which documentation has them.
    public var lines: [Line] {
        Setting.all.map { setting in
            Line(
                name: setting.path, value: setting.text(in: self),
                origin: origins[setting.path] ?? "default")
        }
    }

    /// What a server is to be told; the store's own part is left to who opens it.
    public var configuration: ServerConfiguration {
        var configuration = ServerConfiguration(
            host: host, port: port, advertisedHost: advertisedHost, asksWhoCalls: !insecure, accessRules: accessRules,
            auditedCategories: Set(audit.map { Category(unchecked: $0) }), eventSource: eventSource,
            healthPolicy: healthPolicy)
        if let tlsCertificate, let tlsKey {
            configuration.tls = TLSFiles(certificate: tlsCertificate, key: tlsKey, clientAuthority: tlsClientCA)
        }
        if let tokenKeys, let tokenIssuer, let tokenAudience {
            configuration.tokens = TokenAuthority(
                keys: tokenKeys, issuer: tokenIssuer, audience: tokenAudience, rolesClaim: tokenRolesClaim)
        }
        configuration.backupFolder = backupFolder
        configuration.indexesCorrelations = correlationStreams
        configuration.auditedStreams = auditStreams
        if !audit.isEmpty || !auditStreams.isEmpty {
            configuration.auditLog = auditLog ?? file.map { Self.path(of: $0) + Self.auditSuffix }
        }
        configuration.limits = limits
        return configuration
    }

    /// Behind the name of the store's file: that of its audit log, unless another is said.
    public static let auditSuffix = ".audit.jsonl"

    /// The path of a file that may be named as an address, `file:shop.db`.
    private static func path(of file: String) -> String {
        let scheme = "file:"
        return file.hasPrefix(scheme) ? String(file.dropFirst(scheme.count)) : file
    }

    /// Tells of settings that do not go together, and for a server of those that are not there.
    func check(isForServer: Bool) throws(SettingsError) {
        guard file != nil || !isForServer else {
            throw .conflict(
                "No store is named: write its file behind 'daybook serve', or set DAYBOOK_FILE or \"file\".")
        }
        let ways = [insecure, withoutTLS, tlsCertificate != nil].filter { $0 }.count
        guard ways == 1 || (ways == 0 && !isForServer) else {
            throw .conflict(
                "Say how to serve, by one of them: --tls-certificate with --tls-key; --without-tls behind a proxy; or "
                    + "--insecure, by which everybody on this machine may do everything."
                    + (ways > 1 ? " Now there are \(said(["insecure", "without-tls", "tls-certificate"]))." : ""))
        }
        guard (tlsCertificate == nil) == (tlsKey == nil), tlsClientCA == nil || tlsCertificate != nil else {
            throw .conflict("--tls-certificate and --tls-key stand together, and --tls-client-ca beside them.")
        }
        guard (tokenKeys == nil) == (tokenIssuer == nil), (tokenKeys == nil) == (tokenAudience == nil) else {
            throw .conflict("--token-keys, --token-issuer and --token-audience stand together.")
        }
        guard !insecure || (accessRules == nil && audit.isEmpty && auditStreams.isEmpty && tokenKeys == nil) else {
            throw .conflict("With --insecure nobody is asked who calls: there is nothing to rule or to audit by.")
        }
        for category in audit {
            do { _ = try Category(category) } catch { throw .conflict("--audit: \(error)") }
        }
        for pattern in auditStreams where pattern.isEmpty || pattern.utf8.count > Limits.nameBytes {
            throw .conflict("--audit-streams: a pattern has 1 to \(Limits.nameBytes) bytes; '*' stands for any text.")
        }
        guard auditLog == nil || !audit.isEmpty || !auditStreams.isEmpty else {
            throw .conflict("--audit-log names a file, and nothing is audited: say what by --audit or --audit-streams.")
        }
    }

    /// Which of these were said, and where.
    private func said(_ names: [String]) -> String {
        names.compactMap { name in origins[name].map { "\(name) (\($0))" } }.joined(separator: ", ")
    }
}
#endif
