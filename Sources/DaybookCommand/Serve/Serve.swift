#if Server
import ArgumentParser
import DaybookCore
import DaybookServer
import Dispatch
import Foundation

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

            The server owns the file while it runs. Control-C ends it, and so does a client's call to shut down: open calls are \
            ended, connections told. A client's call to scavenge does what `daybook scavenge` does. All other verbs take the \
            server's address in the place of the file, daybook://localhost:2113, or by --server.

            EXAMPLES
              daybook serve shop.db --insecure
              daybook serve shop.db --insecure --port 0
              daybook serve shop.db --tls-certificate server.pem --tls-key server.key --host 0.0.0.0
            """)

    @OptionGroup var store: FileArgument
    @Option(help: "The address to listen on; 0.0.0.0 for all of IPv4, :: for all of them.")
    var host = ServerConfiguration().host
    @Option(help: "The port; 0 for any that is free.") var port = ServerConfiguration.defaultPort
    @Option(help: "The host by which clients reach the server, when it is another.") var advertisedHost: String?
    @Flag(help: "Serve without TLS and without asking who calls.") var insecure = false
    @Flag(help: "Ask who calls, but without TLS: behind a proxy on this machine that has it.") var withoutTLS = false
    @Option(help: "The server's certificate and those it is based on, in PEM.", completion: .file())
    var tlsCertificate: String?
    @Option(help: "The certificate's key, in PEM and not encrypted.", completion: .file()) var tlsKey: String?
    @Option(help: "The certificates of the authorities of clients, in PEM.", completion: .file())
    var tlsClientCA: String?
    @Option(help: "A file with the public keys of an authority of tokens (JWKS).", completion: .file())
    var tokenKeys: String?
    @Option(help: "The issuer of tokens, as their iss says.") var tokenIssuer: String?
    @Option(help: "For whom tokens must be, among their aud.") var tokenAudience: String?
    @Option(help: "The claim of tokens that has the groups.") var tokenRolesClaim = "roles"
    @Option(
        help: "A file with rules of who may do what with which streams: an array of JSON.", completion: .file())
    var accessRules: String?
    @Flag(
        help: """
            Serve streams by correlation ($bc-…), from an index of the events' $correlationId that is kept in the file, and built \
            while the server runs.
            """)
    var correlationStreams = false
    @Option(
        help: "A folder in which operators may have the store backed up, 'daybook backup --server'.",
        completion: .directory)
    var backupFolder: String?
    @Option(name: .customLong("audit"), help: "A category of which it is logged who reads it; may be repeated.")
    var audited: [String] = []

    func validate() throws {
        let ways = [insecure, withoutTLS, tlsCertificate != nil].filter { $0 }.count
        guard ways == 1 else {
            throw ValidationError(
                "Say how to serve, by one of them: --tls-certificate with --tls-key; --without-tls behind a proxy; or "
                    + "--insecure, by which everybody on this machine may do everything.")
        }
        guard (tlsCertificate == nil) == (tlsKey == nil), tlsClientCA == nil || tlsCertificate != nil else {
            throw ValidationError("--tls-certificate and --tls-key stand together, and --tls-client-ca beside them.")
        }
        guard (tokenKeys == nil) == (tokenIssuer == nil), (tokenKeys == nil) == (tokenAudience == nil) else {
            throw ValidationError("--token-keys, --token-issuer and --token-audience stand together.")
        }
        guard !insecure || (accessRules == nil && audited.isEmpty && tokenKeys == nil) else {
            throw ValidationError("With --insecure nobody is asked who calls: there is nothing to rule or to audit by.")
        }
        guard (0...65_535).contains(port) else {
            throw ValidationError("A port is a number from 0 to 65535, not \(port).")
        }
        for category in audited {
            do { _ = try Category(category) } catch { throw ValidationError("--audit: \(error)") }
        }
    }

    private var tokens: TokenAuthority? {
        guard let tokenKeys, let tokenIssuer, let tokenAudience else { return nil }
        return TokenAuthority(
            keys: tokenKeys, issuer: tokenIssuer, audience: tokenAudience, rolesClaim: tokenRolesClaim)
    }

    private var tls: TLSFiles? {
        guard let tlsCertificate, let tlsKey else { return nil }
        return TLSFiles(certificate: tlsCertificate, key: tlsKey, clientAuthority: tlsClientCA)
    }

    func run() async throws {
        let path = try store.path()
        try await withOpenFile(path, creates: true) { file in
            let server = try await DaybookServer(
                store: file,
                configuration: ServerConfiguration(
                    host: host, port: port, advertisedHost: advertisedHost, tls: tls, asksWhoCalls: !insecure,
                    tokens: tokens,
                    accessRules: accessRules, auditedCategories: Set(audited.map { Category(unchecked: $0) }),
                    indexesCorrelations: correlationStreams,
                    storeName: URL(fileURLWithPath: path).path, backupFolder: backupFolder
                ) { _ = try await file.scavenge() })
            let token = try await server.foundingToken()
            let host = host
            let isEncrypted = tls != nil
            let reload = Self.onHangup {
                do { try server.reloadCertificate() } catch { StandardError.line("daybook: \(error)") }
            }
            defer { reload.cancel() }
            _ = try await runUntilInterrupted {
                try await server.run { port in
                    StandardError.line(
                        "Serving on \(host):\(port). Connect by kurrentdb://localhost:\(port)"
                            + "\(isEncrypted ? "" : "?tls=false"), or see "
                            + "\(isEncrypted ? "https" : "http")://localhost:\(port)/openapi.json")
                    if let token {
                        StandardError.line(
                            "There are no users yet. Make the first one, an admin, by POST /v1/users with the header\n"
                                + "  Authorization: Bearer \(token)\n"
                                + "and a body such as {\"login\":\"admin\",\"password\":\"…\"}. The token ends with it, or "
                                + "with the server.")
                    }
                }
            }
        }
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
#endif
