import DaybookClient
import DaybookCore
import DaybookServer
import Foundation
import Testing

@Suite("The files that a server's settings name") struct ServerFilesTests {
    private let files: TestCertificates

    init() throws {
        files = try TestCertificates()
        try files.makeAuthority("authority")
        for name in ["server", "other"] { try files.make(name, for: "DNS:localhost", by: "authority") }
    }

    /// Why a server is not made of this; `nothing` when it could be.
    private func refusal(_ configuration: ServerConfiguration) async -> String {
        do {
            _ = try await CheckedConfiguration(configuration)
            return "nothing"
        } catch { return "\(error)" }
    }

    private func tls(_ certificate: String, _ key: String, _ authority: String? = nil) -> TLSFiles {
        TLSFiles(
            certificate: files.file(certificate), key: files.file(key),
            clientAuthority: authority.map { files.file($0) })
    }

    private func refusal(_ certificate: String, _ key: String, _ authority: String? = nil) async -> String {
        await refusal(ServerConfiguration(tls: tls(certificate, key, authority)))
    }

    @Test(
        "are told by their path and their setting, with what is wrong and what to do, where they are not what TLS needs"
    )
    func certificates() async throws {
        #expect(await refusal("server.pem", "server.key", "authority.pem") == "nothing")
        let missing = await refusal("none.pem", "none.key")
        let path = files.file("none.pem")
        #expect(
            missing
                == "The certificate cannot be used: '\(path)', which --tls-certificate names, does not exist: name a file that is there."
        )
        try files.write("", to: "empty.pem")
        try files.write("nothing", to: "text.pem")
        try files.write("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", to: "cut.pem")
        try files.write("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", to: "cut.key")
        try files.write("-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n", to: "old.key")
        try files.openssl(
            "pkey", "-in", "server.key", "-aes128", "-passout", "pass:secret", "-out", "locked.key")
        for (certificate, key, authority, setting, said) in [
            ("empty.pem", "server.key", nil, "--tls-certificate", "is empty"),
            ("text.pem", "server.key", nil, "--tls-certificate", "is not PEM"),
            ("cut.pem", "server.key", nil, "--tls-certificate", "has a certificate that cannot be read"),
            ("", "server.key", nil, "--tls-certificate", "is a folder"),
            (
                "server.key", "server.pem", nil, "--tls-certificate",
                "has '-----BEGIN PRIVATE KEY-----', and no 'CERTIFICATE'"
            ),
            ("server.pem", "none.key", nil, "--tls-key", "does not exist"),
            ("server.pem", "server.pem", nil, "--tls-key", "has '-----BEGIN CERTIFICATE-----', and no 'PRIVATE KEY'"),
            ("server.pem", "cut.key", nil, "--tls-key", "has a key that cannot be read"),
            ("server.pem", "locked.key", nil, "--tls-key", "is protected by a passphrase"),
            ("server.pem", "old.key", nil, "--tls-key", "is protected by a passphrase"),
            (
                "server.pem", "other.key", nil, "--tls-key",
                "is not the key of the certificate in '\(files.file("server.pem"))'"
            ),
            ("server.pem", "server.key", "none.pem", "--tls-client-ca", "does not exist"),
            ("server.pem", "server.key", "text.pem", "--tls-client-ca", "is not PEM"),
        ] as [(String, String, String?, String, String)] {
            let refusal = await refusal(certificate, key, authority)
            #expect(refusal.contains(", which \(setting) names, \(said)"), "\(refusal)")
            #expect(!refusal.contains("NIOSSL") && !refusal.contains("Error"), "\(refusal)")
        }
    }

    @Test("are told so where they are not the rules or the keys that they are to be")
    func texts() async throws {
        for (text, said) in [
            ("[", "is no JSON"), ("{}", "is an object; write an array of rules"),
            (#"[{"effect":"perhaps","users":[],"rights":[],"streams":"a"}]"#, "'[0].effect' has to be there"),
            (
                #"[{"effect":"deny","users":[],"rights":["delte"],"streams":"a"}]"#,
                "'[0].rights' has 'delte'; write some of"
            ),
            (#"[{"effect":"deny","rights":[],"streams":"a"}]"#, "'[0].users' has to be there"),
            (#"[{"effect":"deny","users":[],"rights":[]}]"#, "'[0].streams' has to be there"),
            (#"[{"effect":"deny","users":[],"rights":[],"streams":"a","not":1}]"#, "'[0].not' is no known field"),
        ] {
            try files.write(text, to: "rules.json")
            let refusal = await refusal(ServerConfiguration(asksWhoCalls: true, accessRules: files.file("rules.json")))
            #expect(
                refusal.contains("rules.json', which --access-rules names, ") && refusal.contains(said), "\(refusal)")
        }
        for (text, said) in [
            ("[", "is no JSON"), ("{}", "has no object with an array 'keys'"), (#"{"keys":[]}"#, "has no key"),
        ] {
            try files.write(text, to: "keys.json")
            let authority = TokenAuthority(keys: files.file("keys.json"), issuer: "i", audience: "a")
            let refusal = await refusal(ServerConfiguration(asksWhoCalls: true, tokens: authority))
            #expect(refusal.contains("keys.json', which --token-keys names, \(said)"), "\(refusal)")
        }
    }

    @Test("are folders that are there, where backups go")
    func folder() async throws {
        #expect(await refusal(ServerConfiguration(backupFolder: files.file(""))) == "nothing")
        let missing = await refusal(ServerConfiguration(backupFolder: files.file("none")))
        #expect(missing.contains("none', which --backup-folder names, does not exist: make the folder"), "\(missing)")
        let file = await refusal(ServerConfiguration(backupFolder: files.file("server.pem")))
        #expect(file.contains("is no folder: name one"), "\(file)")
    }

    @Test("are told as well to a client that is given such")
    func client() throws {
        try files.write("nothing", to: "text.pem")
        func refusal(_ authority: String, _ certificate: (String, String)? = nil) -> String {
            let shown = certificate.map { ClientCertificate(file: files.file($0.0), key: files.file($0.1)) }
            do throws(ClientError) {
                _ = try DaybookClient.connect(
                    to: "daybook://localhost:9",
                    configuration: ClientConfiguration(
                        trustedCertificates: authority.isEmpty ? nil : files.file(authority), certificate: shown))
                return "nothing"
            } catch { return error.description }
        }
        let setting = "(--ca-file, DAYBOOK_CA_FILE or tlsCaFile)"
        #expect(
            refusal("none.pem")
                == "TLS cannot be set up: '\(files.file("none.pem"))' \(setting) does not exist: name a file that is there."
        )
        #expect(refusal("text.pem").contains("\(setting) is not PEM"))
        #expect(
            refusal("", ("server.pem", "other.key")).contains(
                "other.key' (userKeyFile) is not the key of the certificate"))
        #expect(refusal("", ("server.key", "server.key")).contains("(userCertFile) has '-----BEGIN PRIVATE KEY-----'"))
    }

    @Test("are read once: a server is made of what was looked at")
    func once() async throws {
        try files.write("[]", to: "rules.json")
        let checked = try await CheckedConfiguration(
            ServerConfiguration(port: 0, tls: tls("server.pem", "server.key"), accessRules: files.file("rules.json")))
        for name in ["server.pem", "server.key", "rules.json"] {
            try FileManager.default.removeItem(atPath: files.file(name))
        }
        let server = try await DaybookServer(store: InMemoryEventStore(), checked: checked)
        #expect(try await server.foundingToken() != nil)
        #expect(throws: ServerError.self) { try server.reloadCertificate() }
    }
}
