#if Server
import NIOSSL

/// What the files of a server's certificate hold: read once, and looked at one by one, so that what is wrong is told by the file
/// that it is in.
struct TLSMaterial {
    private let certificates: [NIOSSLCertificate]
    private let key: NIOSSLPrivateKey
    private let authorities: [NIOSSLCertificate]?
    private let certificateFile: NamedFile
    private let keyFile: NamedFile

    init(_ files: TLSFiles) throws(ServerError) {
        certificateFile = NamedFile(what: "The certificate", setting: "--tls-certificate", path: files.certificate)
        keyFile = NamedFile(what: "The certificate's key", setting: "--tls-key", path: files.key)
        certificates = try Self.certificates(in: certificateFile)
        key = try Self.key(in: keyFile)
        if let path = files.clientAuthority {
            authorities = try Self.certificates(
                in: NamedFile(what: "The authority of clients' certificates", setting: "--tls-client-ca", path: path))
        } else {
            authorities = nil
        }
    }

    /// What connections begin with.
    func context() throws(ServerError) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: certificates.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        // Whoever speaks both is served HTTP/1.1, by which there is the HTTP API; clients of gRPC speak HTTP/2 alone.
        configuration.applicationProtocols = ["http/1.1", "h2"]
        if let authorities {
            configuration.trustRoots = .certificates(authorities)
            // Without a certificate a client needs a password.
            configuration.certificateVerification = .optionalVerification
            configuration.sendCANameList = true
        }
        do { return try NIOSSLContext(configuration: configuration) } catch {
            if case NIOSSLError.failedToLoadPrivateKey = error {
                throw keyFile.unusable(
                    "is not the key of the certificate in '\(certificateFile.path)' (\(certificateFile.setting)): name the two that "
                        + "were made together; 'openssl x509 -noout -pubkey -in \(certificateFile.path)' prints the same as "
                        + "'openssl pkey -pubout -in \(keyFile.path)' then")
            }
            throw certificateFile.unusable("is not taken by TLS (\(error)): have it made anew")
        }
    }

    private static func certificates(in file: NamedFile) throws(ServerError) -> [NIOSSLCertificate] {
        let bytes = try file.bytes()
        let labels = PEMLabels(bytes)
        guard labels.names.contains(where: { $0.hasSuffix("CERTIFICATE") }) else {
            throw file.unusable(labels.lack(of: "CERTIFICATE"))
        }
        do { return try NIOSSLCertificate.fromPEMBytes(bytes) } catch {
            throw file.unusable(
                "has a certificate that cannot be read: it was cut or changed; copy it anew, and see what 'openssl x509 -in "
                    + "\(file.path) -noout -text' says")
        }
    }

    private static func key(in file: NamedFile) throws(ServerError) -> NIOSSLPrivateKey {
        let bytes = try file.bytes()
        let labels = PEMLabels(bytes)
        guard labels.names.contains(where: { $0.hasSuffix("PRIVATE KEY") }) else {
            throw file.unusable(labels.lack(of: "PRIVATE KEY"))
        }
        // Else the library would ask for the passphrase on the terminal.
        guard !labels.isEncrypted else {
            throw file.unusable(
                "is protected by a passphrase, which nobody is asked for: write it without one, 'openssl pkey -in \(file.path) "
                    + "-out plain.key', for the server's user alone to read")
        }
        do { return try NIOSSLPrivateKey(bytes: bytes, format: .pem) } catch {
            throw file.unusable(
                "has a key that cannot be read: it was cut or changed, or is of a kind that TLS does not have; see what 'openssl "
                    + "pkey -in \(file.path) -noout -text' says")
        }
    }
}
#endif
