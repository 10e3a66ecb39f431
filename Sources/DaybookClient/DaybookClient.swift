#if Client
import DaybookCore
import DaybookProtocol

/// A store on a Daybook server, which many programs use at once. It keeps the laws of a store, and all that works on one works on
/// it: an application goes from a file to a server by one line.
///
/// ```swift
/// let store = try DaybookClient.connect(to: "daybook://localhost:2113?tls=false")
/// try await store.append([opened], to: "account-42", expecting: .noStream)
/// ```
///
/// One connection carries all calls, and is made when the first one needs it. When it ends, a new one is made, and what can be
/// asked again is asked again, within ``ClientConfiguration/timeout``: reads, and appends that have a command identifier or name
/// the version of every stream that they write. Any other append whose answer was lost throws
/// ``AppendError/storageFailed(reason:mayBeWritten:)``, which says whether it may be written; so does a repeatable one when the
/// time is over. An append that had to be made again is told as a repeat (``AppendResult/isRepeat``) when the first attempt was
/// recorded.
public final class DaybookClient: EventStore {
    let link: StoreLink
    let heads: HeadWatch
    private let patience: Duration

    /// A client of the server at an address, `daybook://host:port`. Whether it is there shows with the first call.
    ///
    /// - Parameter address: With `?tls=false` behind it for a connection without TLS, `?tlsCaFile=file` for one with the authority
    ///   in that file; `user:password@` in front of the host tells who asks, or `?userCertFile=file&userKeyFile=file`.
    /// - Throws: ``ClientError`` for an address that is none, for credentials that would go to another machine without TLS, and
    ///   for certificates that cannot be read.
    public static func connect(
        to address: String, configuration: ClientConfiguration = ClientConfiguration()
    ) throws(ClientError) -> DaybookClient {
        try DaybookClient(ServerAddress(address), configuration)
    }

    private init(_ address: ServerAddress, _ configuration: ClientConfiguration) throws(ClientError) {
        var configuration = configuration
        configuration.credentials = address.credentials ?? configuration.credentials
        configuration.trustedCertificates = address.trustedCertificates ?? configuration.trustedCertificates
        configuration.certificate = address.certificate ?? configuration.certificate
        guard configuration.certificate == nil || address.usesTLS else {
            throw .tls(
                reason: "a certificate is shown by TLS alone, and the address says tls=false: leave one of them out")
        }
        guard configuration.credentials == nil || address.usesTLS || address.isLoopback else {
            throw .credentialsWithoutTLS(host: address.host)
        }
        let relay = LossRelay()
        let link = try StoreLink(address: address, configuration: configuration) { relay.connectionHasEnded() }
        let heads = HeadWatch { (beyond: Position?) async throws(ReadError) -> Position in
            try await link.head(beyond: beyond)
        }
        relay.tell(heads)
        self.link = link
        self.heads = heads
        patience = configuration.timeout
    }

    deinit { link.closeNow() }

    /// Refuses further calls, ends waits for the log to grow, lets the calls that are open end within
    /// ``ClientConfiguration/timeout``, and closes the connection.
    public func close() async {
        heads.close()
        await link.close(within: patience)
    }
}
#endif
