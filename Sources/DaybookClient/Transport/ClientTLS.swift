#if Client
import DaybookProtocol
import Foundation
import NIOSSL

/// By what a client knows its server, and shows who it is: the files that its configuration names, looked at one by one, so that
/// what is wrong is told by the file that it is in.
enum ClientTLS {
    private static let authority = "--ca-file, DAYBOOK_CA_FILE or tlsCaFile"
    private static let certificate = "userCertFile"
    private static let key = "userKeyFile"

    static func context(_ configuration: ClientConfiguration) throws(ClientError) -> NIOSSLContext {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.applicationProtocols = ["h2"]
        if let path = configuration.trustedCertificates {
            // A folder of certificates by their names' hashes, as systems have it, is read while connections are made.
            tls.trustRoots = isFolder(path) ? .file(path) : .certificates(try certificates(in: path, named: authority))
        }
        if let files = configuration.certificate {
            tls.certificateChain = try certificates(in: files.file, named: certificate).map { .certificate($0) }
            tls.privateKey = .privateKey(try privateKey(in: files.key))
        }
        do { return try NIOSSLContext(configuration: tls) } catch NIOSSLError.failedToLoadPrivateKey {
            let files = configuration.certificate
            let trouble = PEMFile.mismatch(
                key: files?.key ?? "", certificate: files?.file ?? "", named: certificate)
            throw refusal(of: files?.key ?? "", named: key, trouble)
        } catch {
            throw .tls(reason: "the certificates are not taken (\(error)): have them made anew")
        }
    }

    private static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }

    private static func certificates(
        in path: String, named setting: String
    ) throws(ClientError) -> [NIOSSLCertificate] {
        let pem = try file(path, with: .certificate, named: setting)
        do { return try NIOSSLCertificate.fromPEMBytes(pem.bytes) } catch {
            throw refusal(of: path, named: setting, pem.trouble)
        }
    }

    private static func privateKey(in path: String) throws(ClientError) -> NIOSSLPrivateKey {
        let pem = try file(path, with: .privateKey, named: key)
        do { return try NIOSSLPrivateKey(bytes: pem.bytes, format: .pem) } catch {
            throw refusal(of: path, named: key, pem.trouble)
        }
    }

    private static func file(
        _ path: String, with content: PEMFile.Content, named setting: String
    ) throws(ClientError) -> PEMFile {
        do throws(FileTrouble) { return try PEMFile(path, with: content) } catch {
            throw refusal(of: path, named: setting, error)
        }
    }

    private static func refusal(of path: String, named setting: String, _ trouble: FileTrouble) -> ClientError {
        .tls(reason: "'\(path)' (\(setting)) \(trouble)")
    }
}
#endif
