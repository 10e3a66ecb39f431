#if Kinesis
import Foundation

/// A stream of Amazon Kinesis Data Streams, and how it is reached.
public struct KinesisStream: Sendable {
    public let name: String
    public let region: String
    let credentials: any AWSCredentialsProvider
    let endpoint: String
    let host: String
    let timeout: Duration

    /// - Parameters:
    ///   - name: As it is called in its region and account.
    ///   - region: Such as `eu-central-1`.
    ///   - credentials: Who asks.
    ///   - endpoint: The address of the service where it is not the region's own: `https://…` with a host and, if need be, a
    ///     port, for an endpoint inside a network, or for a stand-in on this machine.
    ///   - timeout: How long a request may take; at least a millisecond.
    ///   - allowsPlainHTTP: Whether the endpoint may begin with `http:` though it is not this machine's own.
    /// - Throws: ``InvalidKinesisStream``.
    public init(
        _ name: String, region: String, credentials: any AWSCredentialsProvider, endpoint: String? = nil,
        timeout: Duration = .seconds(30), allowsPlainHTTP: Bool = false
    ) throws(InvalidKinesisStream) {
        let isName = { (text: String, others: String) in
            !text.isEmpty && text.utf8.count <= 128
                && text.utf8.allSatisfy { byte in
                    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                        || others.utf8.contains(byte)
                }
        }
        guard isName(name, "_.-") else { throw .name(name) }
        guard isName(region, "-") else { throw .region(region) }
        let endpoint =
            endpoint
            ?? "https://kinesis.\(region).amazonaws.com\(region.hasPrefix("cn-") ? ".cn" : "")"
        guard let url = URL(string: endpoint), let host = url.host, !host.isEmpty, url.path.isEmpty || url.path == "/",
            url.query == nil, url.user == nil
        else { throw .endpoint(endpoint) }
        switch url.scheme {
        case "https": break
        case "http" where allowsPlainHTTP || ["localhost", "127.0.0.1", "::1", "[::1]"].contains(host): break
        default: throw .endpoint(endpoint)
        }
        self.name = name
        self.region = region
        self.credentials = credentials
        self.endpoint = url.path.isEmpty ? endpoint + "/" : endpoint
        let isDefault = url.port == nil || url.port == (url.scheme == "https" ? 443 : 80)
        self.host = isDefault ? host : "\(host):\(url.port ?? 0)"
        self.timeout = max(timeout, .milliseconds(1))
    }
}
#endif
