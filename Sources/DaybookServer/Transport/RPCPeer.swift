#if Server
import DaybookCore
import NIOCore
import NIOSSL

/// Who is at the other end of a connection.
struct RPCPeer: Sendable, Hashable {
    /// Where the client is: what failed logins are counted by. Of IPv6 the first half, which is what one network has.
    let address: String
    /// The common name of the certificate that the client has shown, and TLS has verified; nil without one.
    let certificateName: String?
    /// When that certificate ends, which the connection may outlive; nil without one.
    let certificateEnd: ContinuousClock.Instant?

    init(address: String, certificateName: String? = nil, certificateEnd: ContinuousClock.Instant? = nil) {
        self.address = address
        self.certificateName = certificateName
        self.certificateEnd = certificateEnd
    }

    /// To be made on the connection's event loop, when TLS has got to know the client.
    init(of channel: any Channel) {
        address = Self.address(channel.remoteAddress)
        let certificate = try? channel.pipeline.syncOperations.nioSSL_peerCertificate()
        certificateName = certificate.flatMap { Self.name(of: $0) }
        certificateEnd = certificate.map { Self.end(of: $0) }
    }

    private static func address(_ address: SocketAddress?) -> String {
        guard case .v6(let v6)? = address else { return address?.ipAddress ?? "unknown" }
        let bytes = withUnsafeBytes(of: v6.address.sin6_addr) { Array($0) }
        // An address of IPv4 in that form: its own network.
        if bytes.prefix(10).allSatisfy({ $0 == 0 }), bytes[10] == 0xFF, bytes[11] == 0xFF {
            return bytes.suffix(4).map { String($0) }.joined(separator: ".")
        }
        return bytes.prefix(8).map { String($0, radix: 16) }.joined(separator: ":")
    }

    private static func end(of certificate: NIOSSLCertificate) -> ContinuousClock.Instant {
        let now = TimeSource.system.now.microseconds / 1_000_000
        return ContinuousClock.now + .seconds(Int64(certificate.notValidAfter) - now)
    }

    private static func name(of certificate: NIOSSLCertificate) -> String? {
        // One that names two is none that is known to be somebody's.
        let names = certificate.subjectName.filter { $0.type == .commonName }
        return names.count == 1 ? names[0].value : nil
    }
}
#endif
