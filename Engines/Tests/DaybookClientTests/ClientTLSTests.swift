import DaybookClient
import DaybookCore
import DaybookServer
import Foundation
import Testing

@Suite("A client of a server with a certificate", .timeLimit(.minutes(2)))
struct ClientTLSTests {
    private static let password = "correct horse"
    private static let here = "DNS:localhost,IP:127.0.0.1"

    /// A server whose users are `ada`, an admin, and `robot`, who has no password, and may write.
    private struct Secured {
        let store: InMemoryEventStore
        let server: TestServer
        let certificates: TestCertificates

        /// - Parameters:
        ///   - host: By which the server is called.
        ///   - authority: Whose certificates are taken.
        ///   - certificate: That the client shows; nil for one that has a password.
        func client(
            at host: String = "localhost", trusting authority: String = "authority", showing certificate: String? = nil,
            patience: Duration = .seconds(30)
        ) throws -> DaybookClient {
            var options = "?tlsCaFile=\(certificates.file("\(authority).pem"))"
            if let certificate {
                options += "&userCertFile=\(certificates.file("\(certificate).pem"))"
                options += "&userKeyFile=\(certificates.file("\(certificate).key"))"
            }
            let login = certificate == nil ? "ada:correct%20horse@" : ""
            return try DaybookClient.connect(
                to: "daybook://\(login)\(host):\(server.port)\(options)",
                configuration: ClientConfiguration(timeout: patience))
        }

        /// Why an append of a client comes to nothing.
        func refusal(of client: DaybookClient) async throws -> String {
            let before = try await store.head()
            let error = await #expect(throws: AppendError.self) {
                try await client.append([ClientTLSTests.event()], to: "order-1")
            }
            await client.close()
            #expect(try await store.head() == before)
            guard case .storageFailed(let reason, mayBeWritten: false)? = error else {
                Issue.record("\(String(describing: error))")
                return ""
            }
            return reason
        }
    }

    /// - Parameter places: The hosts that the server's certificate is for.
    private static func serving(
        at places: String = ClientTLSTests.here, _ use: (Secured) async throws -> Void
    ) async throws {
        let certificates = try TestCertificates()
        try certificates.makeAuthority("authority")
        try certificates.makeAuthority("stranger")
        try certificates.make("server", for: places, by: "authority")
        let store = InMemoryEventStore()
        let users = try await ServerUsers(store: store)
        try await users.add("ada", password: password, groups: ["$admins"])
        try await users.add("robot", password: nil, groups: ["$writers"])
        let files = TLSFiles(
            certificate: certificates.file("server.pem"), key: certificates.file("server.key"),
            clientAuthority: certificates.file("authority.pem"))
        let server = try await TestServer.start(store, ServerConfiguration(port: 0, tls: files))
        let result: Result<Void, any Error>
        do {
            try await use(Secured(store: store, server: server, certificates: certificates))
            result = .success(())
        } catch { result = .failure(error) }
        await server.stop()
        try result.get()
    }

    private static func event() -> NewEvent { NewEvent(type: "Placed", data: Array("{}".utf8)) }

    @Test("knows it by its authority, by a name and by an address", arguments: ["localhost", "127.0.0.1"])
    func trusted(_ host: String) async throws {
        try await Self.serving { secured in
            let client = try secured.client(at: host)
            try await client.append([Self.event()], to: "order-1", expecting: .noStream)
            let page = try await client.readPage(of: "order-1", from: .start, direction: .forward, limit: 10)
            #expect(page.events.count == 1)
            await client.close()
        }
    }

    @Test("says nothing to one that another authority vouches for, and tells why")
    func stranger() async throws {
        try await Self.serving { secured in
            let reason = try await secured.refusal(of: secured.client(trusting: "stranger", patience: .seconds(2)))
            #expect(reason.contains("CERTIFICATE_VERIFY_FAILED"), "\(reason)")
        }
    }

    @Test(
        "says nothing to one whose certificate is for another host, and tells why",
        arguments: ["localhost", "127.0.0.1"])
    func otherHost(_ host: String) async throws {
        try await Self.serving(at: "DNS:elsewhere.example,IP:127.0.0.2") { secured in
            let reason = try await secured.refusal(of: secured.client(at: host, patience: .seconds(2)))
            #expect(reason.contains("failedToValidateHostname"), "\(reason)")
        }
    }

    @Test("shows a certificate of its own instead of a password")
    func mutual() async throws {
        try await Self.serving { secured in
            try secured.certificates.make("robot", for: "DNS:robot", commonName: "robot", by: "authority")
            let client = try secured.client(showing: "robot")
            try await client.append([Self.event()], to: "order-1", expecting: .noStream)
            let page = try await secured.store.readPage(of: "order-1", from: .start, direction: .forward, limit: 1)
            let metadata = try #require(page.events.first).metadata
            #expect(String(decoding: metadata, as: UTF8.self).contains(#""$actor":"robot""#))
            await client.close()
        }
    }

    @Test("is refused when its certificate is of another authority, or of nobody who is known")
    func mutualRefusals() async throws {
        try await Self.serving { secured in
            try secured.certificates.make("forged", for: "DNS:robot", commonName: "robot", by: "stranger")
            try secured.certificates.make("nobody", for: "DNS:nobody", commonName: "nobody", by: "authority")
            _ = try await secured.refusal(of: secured.client(showing: "forged", patience: .seconds(2)))
            let reason = try await secured.refusal(of: secured.client(showing: "nobody"))
            #expect(reason.contains("credentials are missing or wrong"), "\(reason)")
        }
    }

    @Test("keeps its connection when the server's certificate is replaced, and makes the next by the new one")
    func reload() async throws {
        try await Self.serving { secured in
            let old = try secured.client()
            try await old.append([Self.event()], to: "order-1", expecting: .noStream)
            try secured.certificates.make("server", for: Self.here, by: "stranger")
            try secured.server.reloadCertificate()
            try await old.append([Self.event()], to: "order-1", expecting: .version(0))
            let new = try secured.client(trusting: "stranger")
            try await new.append([Self.event()], to: "order-1", expecting: .version(1))
            let reason = try await secured.refusal(of: secured.client(patience: .seconds(2)))
            #expect(reason.contains("CERTIFICATE_VERIFY_FAILED"), "\(reason)")
            try await old.append([Self.event()], to: "order-1", expecting: .version(2))
            await old.close()
            await new.close()
        }
    }

    @Test("goes on with the certificate before when the one that replaces it cannot be read")
    func failedReload() async throws {
        try await Self.serving { secured in
            try secured.certificates.write("nothing", to: "server.pem")
            #expect(throws: ServerError.self) { try secured.server.reloadCertificate() }
            let client = try secured.client()
            try await client.append([Self.event()], to: "order-1", expecting: .noStream)
            await client.close()
        }
    }
}
