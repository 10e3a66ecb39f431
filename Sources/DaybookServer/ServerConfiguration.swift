#if Server
import DaybookCore

/// How a server is set up.
public struct ServerConfiguration: Sendable {
    /// The address that it listens on; `127.0.0.1`, so that nobody else reaches it, unless said otherwise.
    public var host: String
    /// The port; 0 for any that is free.
    public var port: Int
    /// The host by which clients reach the server, when that is not the address that it listens on.
    public var advertisedHost: String?
    /// The certificate by which connections are encrypted; nil for none, which is possible on loopback addresses only.
    public var tls: TLSFiles?
    /// Whether clients must say who they are. Without, everybody who reaches the server may do everything; so that with TLS
    /// they must in any case.
    public var asksWhoCalls: Bool
    /// An authority whose tokens are taken for credentials; nil for none.
    public var tokens: TokenAuthority?
    /// A file with rules of who may, or may not, do what with which streams: an array of JSON. Nil for none; then the roles of
    /// users and the access lists of streams decide.
    public var accessRules: String?
    /// The categories of which it is written down who reads them.
    public var auditedCategories: Set<Category>
    /// Whether there are streams by correlation, `$bc-…`. The index that they are read from is kept in the store, which must keep
    /// read models: 8 bytes for each event that has a `$correlationId`, and a document for each that there is of these.
    public var indexesCorrelations: Bool
    /// Patterns of the names of further such streams; `*` stands for any text.
    public var auditedStreams: [String] = []
    /// The file in which it is written down, which there must be where anything is. See `docs/operations.md`.
    public var auditLog: String?
    /// The states that the server folds for clients.
    public var states: [ServedStates] = []
    /// What clients may take.
    public var limits = ServerLimits()
    /// What the server's metrics call the store, to tell it from others.
    public var storeName: String
    /// The `source` of events that are read as CloudEvents: a URI reference that no other log's events have.
    public var eventSource: String
    /// What the server calls healthy.
    public var healthPolicy: HealthPolicy
    /// The folder on the server's machine in which operators may have the store backed up; nil for none. They name the file, and
    /// get nothing of it.
    public var backupFolder: String?
    /// Removes for good what readers of the store cannot see any more, when a client asks for it; nil when the store has
    /// nothing of the kind, or nobody shall ask. One run at a time; it must end early when its task is cancelled.
    public var scavenge: (@Sendable () async throws -> Void)?

    /// The port that KurrentDB's clients use when they are told none.
    public static let defaultPort = 2113

    public init(
        host: String = "127.0.0.1", port: Int = ServerConfiguration.defaultPort, advertisedHost: String? = nil,
        tls: TLSFiles? = nil, asksWhoCalls: Bool = false, tokens: TokenAuthority? = nil, accessRules: String? = nil,
        auditedCategories: Set<Category> = [], indexesCorrelations: Bool = false,
        storeName: String = "store", eventSource: String = "/daybook", healthPolicy: HealthPolicy = HealthPolicy(),
        backupFolder: String? = nil, scavenge: (@Sendable () async throws -> Void)? = nil
    ) {
        self.host = host
        self.port = port
        self.advertisedHost = advertisedHost
        self.tls = tls
        self.asksWhoCalls = asksWhoCalls
        self.tokens = tokens
        self.accessRules = accessRules
        self.auditedCategories = auditedCategories
        self.indexesCorrelations = indexesCorrelations
        self.storeName = storeName
        self.eventSource = eventSource
        self.healthPolicy = healthPolicy
        self.backupFolder = backupFolder
        self.scavenge = scavenge
    }
}
#endif
