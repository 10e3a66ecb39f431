#if JetStream
import DaybookCore

/// Where a store on JetStream is, as one text for a command line or a setting:
///
/// ```
/// jetstream://n1:4222,n2:4222,n3:4222/orders
/// jetstream://app:secret@n1,n2,n3/orders?monitors=n1:8222,n2:8222,n3:8222
/// jetstream://localhost/orders?replicas=1&sync=any
/// ```
///
/// | Option | Means |
/// | --- | --- |
/// | `replicas` | how many servers must keep the log at least; 3 |
/// | `sync` | `always`: refuse servers that do not sync before they acknowledge; `any`: take what there is; `always` |
/// | `monitors` | the monitoring addresses of all servers, which tell that; each host at port 8222 |
/// | `credentials`, `ca` | files with the user's JWT and seed, and with certificate authorities |
/// | `mark` | the file of the high-water mark (``JetStreamEventStore/Configuration/highWaterMarkFile``) |
public struct JetStreamAddress: Sendable, CustomStringConvertible {
    public static let scheme = "jetstream://"

    /// The servers, as ``JetStreamEventStore/connect(_:store:configuration:)`` takes them.
    public let servers: String
    public let store: String
    public var configuration: JetStreamEventStore.Configuration
    /// The address without its password.
    public let description: String

    /// - Throws: ``JetStreamStoreError/invalidAddress(_:reason:)``.
    public init(_ text: String) throws(JetStreamStoreError) {
        guard text.hasPrefix(Self.scheme) else {
            throw .invalidAddress(text, reason: "it does not begin with \(Self.scheme)")
        }
        let parts = text.dropFirst(Self.scheme.count).split(
            separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let places = parts[0].split(separator: "/", omittingEmptySubsequences: false)
        guard places.count == 2, !places[1].isEmpty else {
            throw .invalidAddress(Self.shown(text), reason: "behind the servers stands no name of a store")
        }
        var hosts = places[0]
        var configuration = JetStreamEventStore.Configuration()
        if let at = hosts.lastIndex(of: "@") {
            let user = hosts[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            configuration.user = String(user[0])
            if user.count > 1 { configuration.password = String(user[1]) }
            hosts = hosts[hosts.index(after: at)...]
        }
        let names = hosts.split(separator: ",", omittingEmptySubsequences: false)
        guard names.allSatisfy({ !$0.isEmpty }) else {
            throw .invalidAddress(Self.shown(text), reason: "a server has no name")
        }
        var monitors = names.map { "\($0.prefix { $0 != ":" }):8222" }
        var durability = JetStreamDurability.Requirement.standard
        for option in parts.count > 1 ? parts[1].split(separator: "&") : [] {
            let pair = option.split(separator: "=", maxSplits: 1).map(String.init)
            guard pair.count == 2 else {
                throw .invalidAddress(Self.shown(text), reason: "the option '\(option)' has no value")
            }
            switch (pair[0], pair[1]) {
            case ("replicas", let count):
                guard let number = Int(count), (1...5).contains(number) else {
                    throw .invalidAddress(Self.shown(text), reason: "'replicas' is \(count), and may be 1 to 5")
                }
                durability.replicas = number
            case ("sync", "always"): durability.syncsAlways = true
            case ("sync", "any"): durability.syncsAlways = false
            case ("monitors", let list): monitors = list.split(separator: ",").map(String.init)
            case ("credentials", let file): configuration.credentialsFile = file
            case ("ca", let file): configuration.certificateAuthorityFile = file
            case ("mark", let file): configuration.highWaterMarkFile = file
            default:
                throw .invalidAddress(
                    Self.shown(text),
                    reason:
                        "the option '\(option)' is none of replicas, sync=always, sync=any, monitors, credentials, ca, mark"
                )
            }
        }
        configuration.durability = durability
        // What nobody asks for need not be looked up.
        if durability.syncsAlways {
            configuration.monitoringURLs = monitors.map { $0.hasPrefix("http://") ? $0 : "http://\($0)" }
        }
        servers = names.map { "nats://\($0)" }.joined(separator: ",")
        store = String(places[1])
        self.configuration = configuration
        description = Self.shown(text)
    }

    private static func shown(_ text: String) -> String {
        let start = text.index(text.startIndex, offsetBy: scheme.count, limitedBy: text.endIndex) ?? text.endIndex
        let end = text[start...].firstIndex(of: "/") ?? text.endIndex
        guard let at = text[start..<end].lastIndex(of: "@"), let colon = text[start..<at].firstIndex(of: ":") else {
            return text
        }
        return "\(text[...colon])…\(text[at...])"
    }
}

extension JetStreamEventStore {
    /// Connects to the store at an address, with its configuration.
    public static func connect(to address: JetStreamAddress) async throws(JetStreamStoreError) -> JetStreamEventStore {
        try await connect(address.servers, store: address.store, configuration: address.configuration)
    }
}
#endif
