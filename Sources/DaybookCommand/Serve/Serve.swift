#if Server
import ArgumentParser
import DaybookCore
import DaybookServer
import DaybookSQLite
import Dispatch
import Foundation
import ServiceLifecycle

/// `daybook serve`: a store as a server.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve a store to programs in any language, through KurrentDB's clients or by HTTP and JSON.",
        discussion: """
            Clients connect by kurrentdb://localhost:2113; HTTP is on the same port, and /openapi.json tells what there is.

            With a certificate every client says who it is: by user and password, or by a certificate of its own when there is \
            --tls-client-ca, whose common name is the login. A server without users prints a token when it starts, with \
            which the first one, an admin, is made; `daybook users` makes users, in the file while no server runs, or with \
            --server. The certificate is read again when its file changes, and on SIGHUP; open connections stay. With --insecure \
            everybody on this machine may do everything, without TLS, on loopback addresses only: connect by \
            kurrentdb://localhost:2113?tls=false.

            The server owns the file while it runs. Control-C and SIGTERM end it, and so does a client's call to shut down: nobody \
            is let in any more, subscriptions end, appends that have begun are answered. A second signal ends it at once. A \
            client's call to scavenge does what `daybook scavenge` does. All other verbs take the server's address in the place of the file, \
            daybook://localhost:2113, or by --server.

            Whatever a flag says the environment can say, and a file: --port 2113, DAYBOOK_PORT=2113, {"port": 2113}; \
            --limit connections=500, DAYBOOK_LIMITS_CONNECTIONS=500, {"limits": {"connections": 500}}. A flag counts before the \
            environment, that before the file. --print-configuration lists all settings, all limits, what holds, and why.

            EXAMPLES
              daybook serve shop.db --insecure
              daybook serve shop.db --insecure --port 0
              daybook serve shop.db --tls-certificate server.pem --tls-key server.key --host 0.0.0.0
              daybook serve --print-configuration
              daybook serve --config /etc/daybook/server.json --print-configuration
            """)

    @Argument(
        help: ArgumentHelp("The store: the path of its file, or file:PATH.", valueName: "file"), completion: .file())
    var file: String?
    @Option(help: "A file with settings, an object of JSON.", completion: .file()) var config: String?
    @Flag(help: "Print all settings, what holds and where it is said, and end. Needs no store, and no way to serve.")
    var printConfiguration = false

    @Option(help: "The address to listen on; 0.0.0.0 for all of IPv4, :: for all of them. (default: 127.0.0.1)")
    var host: String?
    @Option(help: "The port; 0 for any that is free. (default: 2113)") var port: String?
    @Option(help: "The host by which clients reach the server, when it is another.") var advertisedHost: String?
    @Flag(inversion: .prefixedNo, help: "Serve without TLS and without asking who calls.") var insecure: Bool?
    @Flag(
        name: .customLong("without-tls"),
        help: "Ask who calls, but without TLS: behind a proxy on this machine that has it.")
    var withoutTLS = false
    @Option(help: "The server's certificate, and the intermediate ones behind it, in PEM.", completion: .file())
    var tlsCertificate: String?
    @Option(help: "The private key of the certificate, in PEM and not encrypted.", completion: .file())
    var tlsKey: String?
    @Option(
        name: .customLong("tls-client-ca"), help: "The authorities (CA) whose certificates clients may show, in PEM.",
        completion: .file())
    var tlsClientCA: String?
    @Option(help: "A file with the public keys of an authority of tokens (JWKS).", completion: .file())
    var tokenKeys: String?
    @Option(help: "The issuer of tokens, as their iss says.") var tokenIssuer: String?
    @Option(help: "For whom tokens must be, among their aud.") var tokenAudience: String?
    @Option(help: "The claim of tokens that has the groups. (default: roles)") var tokenRolesClaim: String?
    @Option(
        help: "A file with rules of who may do what with which streams: an array of JSON.", completion: .file())
    var accessRules: String?
    @Flag(
        inversion: .prefixedNo,
        help: """
            Serve streams by correlation ($bc-…), from an index of the events' $correlationId that is kept in the file, and built \
            while the server runs.
            """)
    var correlationStreams: Bool?
    @Option(
        help: "A folder in which operators may have the store backed up, 'daybook backup --server'.",
        completion: .directory)
    var backupFolder: String?
    @Option(help: "A category of streams whose reads are written to the audit log; may be repeated.")
    var audit: [String] = []
    @Option(help: "A pattern of names of streams whose reads are written there, as in 'payroll-*'; may be repeated.")
    var auditStreams: [String] = []
    @Option(help: "The file of the audit log. (default: FILE.audit.jsonl)", completion: .file()) var auditLog: String?
    @Flag(inversion: .prefixedNo, help: "Log each call when it has ended.") var accessLog: Bool?
    @Option(
        help: "The least level that is logged: trace, debug, info, notice, warning, error, critical. (default: info)")
    var logLevel: String?
    @Option(help: "The form of the log's lines: text, or json. (default: text)") var logFormat: String?
    @Option(help: "The source of events that are read as CloudEvents. (default: /daybook)") var eventSource: String?
    @Option(help: "For /health: how many events a healthy consumer is behind at most. (default: 50000)")
    var healthMaxEventsBehind: String?
    @Option(help: "For /health: how old the first event behind a healthy consumer is at most; 0 for any. (default: 0)")
    var healthMaxSecondsBehind: String?
    @Option(help: "For /health: how many events a healthy consumer has parked at most. (default: 0)")
    var healthMaxParked: String?
    @Option(
        name: .customLong("health-max-wal-bytes"),
        help: "For /health: the bytes of the write-ahead log of a healthy store at most. (default: 1 GiB)")
    var healthMaxWALBytes: String?
    @Option(help: "For /health: a consumer that is not judged; may be repeated.") var healthIgnore: [String] = []
    @Option(
        name: .customLong("limit"),
        help: ArgumentHelp(
            "A limit, by its name as --print-configuration tells it behind 'limits.'; may be repeated.",
            valueName: "name=number"))
    var limits: [String] = []

    /// - Parameter environment: All variables.
    func settings(environment: [String: String]) throws -> ServerSettings {
        do throws(SettingsError) {
            return try ServerSettings.read(
                flags: try flags(), environment: environment, file: config, isForServer: !printConfiguration)
        } catch {
            let code: ExitCode =
                switch error {
                case .missingFile: .missingFile
                case .unreadableFile: .malformedInput
                case .unknown, .twice, .wrong, .conflict: .usage
                }
            throw CommandFailure(code, error.description)
        }
    }

    private func flags() throws(SettingsError) -> SettingsFlags {
        var flags = SettingsFlags()
        for (name, text) in [
            ("file", file), ("host", host), ("port", port), ("advertised-host", advertisedHost),
            ("tls-certificate", tlsCertificate), ("tls-key", tlsKey), ("tls-client-ca", tlsClientCA),
            ("token-keys", tokenKeys), ("token-issuer", tokenIssuer), ("token-audience", tokenAudience),
            ("token-roles-claim", tokenRolesClaim), ("access-rules", accessRules), ("backup-folder", backupFolder),
            ("audit-log", auditLog),
            ("log-level", logLevel), ("log-format", logFormat), ("event-source", eventSource),
            ("health-max-events-behind", healthMaxEventsBehind), ("health-max-seconds-behind", healthMaxSecondsBehind),
            ("health-max-parked", healthMaxParked), ("health-max-wal-bytes", healthMaxWALBytes),
        ] {
            flags.set(name, text)
        }
        flags.set("insecure", insecure)
        flags.set("without-tls", withoutTLS ? true : nil)
        flags.set("access-log", accessLog)
        flags.set("correlation-streams", correlationStreams)
        flags.set("audit", audit)
        flags.set("audit-streams", auditStreams)
        flags.set("health-ignore", healthIgnore)
        for limit in limits { try flags.setLimit(limit) }
        return flags
    }

    func run() async throws {
        let settings = try self.settings(environment: ProcessInfo.processInfo.environment)
        if printConfiguration { return try Self.print(settings) }
        guard let named = settings.file else { throw CommandFailure(.usage, "No store is named: write its file.") }
        let path = try FileArgument.path(of: StoreAddress.fileOrServer(named))
        var configuration = settings.configuration
        configuration.storeName = URL(fileURLWithPath: path).path
        let checked = try await CheckedConfiguration(configuration)
        // Until the end: closing the store may take a while, and a log that nobody reads for ever.
        let impatience = Impatience()
        defer { impatience.end() }
        let log = ServerLog(settings)
        defer { log.flush() }
        for (name, meant) in settings.doubtfulVariables {
            log.logger.warning(
                "A variable is no setting of the server.", metadata: ["variable": "\(name)", "similar": "\(meant)"])
        }
        let store = try await openStore(path, creates: true)
        do {
            try await serve(store, checked, settings, log, impatience)
        } catch {
            await store.close()
            throw error
        }
        await store.close()
    }

    private func serve(
        _ store: SQLiteEventStore, _ checked: CheckedConfiguration, _ settings: ServerSettings, _ log: ServerLog,
        _ impatience: Impatience
    ) async throws {
        var checked = checked
        checked.scavenge = { _ = try await store.scavenge() }
        let server = try await DaybookServer(
            store: store, checked: checked, logger: log.logger,
            accessLogger: settings.accessLog ? log.accessLogger : nil)
        let token = try await server.foundingToken()
        let reload = Self.onHangup {
            do { try server.reloadCertificate() } catch {
                log.logger.error("The certificate cannot be read.", metadata: ["error": "\(error)"])
            }
        }
        defer { reload.cancel() }
        impatience.begin()
        let service = AnnouncedServer(server: server) { port in
            ServerAnnouncement(settings: settings, port: port, token: token).make(log)
        }
        var group = ServiceGroupConfiguration(
            services: [
                ServiceGroupConfiguration.ServiceConfiguration(
                    service: service, successTerminationBehavior: .gracefullyShutdownGroup,
                    serviceName: "daybook server")
            ],
            gracefulShutdownSignals: [.sigterm, .sigint], logger: log.logger)
        group.maximumGracefulShutdownDuration = .seconds(settings.limits.shutdownSeconds + 5)
        try await ServiceGroup(configuration: group).run()
    }

    private static func print(_ settings: ServerSettings) throws {
        var table = Table(
            [Table.Column(title: "SETTING"), Table.Column(title: "VALUE"), Table.Column(title: "SAID BY")], width: nil)
        let text = table.text(of: settings.lines.map { [$0.name, $0.value, $0.origin] })
        try Array(text.utf8).writeAll(to: 1)
    }

    /// Calls back whenever the system tells the program that its files have changed.
    private static func onHangup(_ call: @escaping @Sendable () -> Void) -> any DispatchSourceSignal {
        signal(SIGHUP, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: SIGHUP, queue: DispatchQueue(label: "daybook.reload"))
        source.setEventHandler { call() }
        source.activate()
        return source
    }
}

/// A server that says when it takes calls.
private struct AnnouncedServer: Service {
    let server: DaybookServer
    let onListening: @Sendable (Int) -> Void

    func run() async throws { try await server.run(onListening: onListening) }
}
#endif
