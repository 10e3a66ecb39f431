#if Server
import DaybookProtocol
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
        do { return try NIOSSLContext(configuration: configuration) } catch NIOSSLError.failedToLoadPrivateKey {
            throw keyFile.unusable(
                PEMFile.mismatch(
                    key: keyFile.path, certificate: certificateFile.path, named: certificateFile.setting
                ).description)
        } catch {
            throw certificateFile.unusable("is not taken by TLS (\(error)): have it made anew")
        }
    }

    private static func certificates(in file: NamedFile) throws(ServerError) -> [NIOSSLCertificate] {
        let pem = try file.pem(with: .certificate)
        do { return try NIOSSLCertificate.fromPEMBytes(pem.bytes) } catch {
            throw file.unusable(pem.trouble.description)
        }
    }

    private static func key(in file: NamedFile) throws(ServerError) -> NIOSSLPrivateKey {
        let pem = try file.pem(with: .privateKey)
        do { return try NIOSSLPrivateKey(bytes: pem.bytes, format: .pem) } catch {
            throw file.unusable(pem.trouble.description)
        }
    }
}
#endif
