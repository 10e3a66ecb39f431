#if JetStream
import CNATS
import Dispatch

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The connection as libnats knows it. Its own locks make it safe to use from any thread.
final class ConnectionHandle: @unchecked Sendable {
    let connection: OpaquePointer
    var inbox: OpaquePointer?
    /// Ends requests whose time is over.
    var timer: (any DispatchSourceTimer)?

    init(_ connection: OpaquePointer) { self.connection = connection }

    func close() { natsConnection_Close(connection) }

    /// Has libnats connect to another server, when it knows one.
    func leaveServer() {
        var servers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
        var count: CInt = 0
        guard natsConnection_GetServers(connection, &servers, &count) == NATS_OK else { return }
        for index in 0..<Int(count) { free(servers?[index]) }
        free(servers)
        guard count > 1, let url = connectedURL, let remotePort = url.split(separator: ":").last.flatMap({ Int($0) })
        else { return }
        var address: UnsafeMutablePointer<CChar>?
        var localPort: CInt = 0
        guard natsConnection_GetLocalIPAndPort(connection, &address, &localPort) == NATS_OK else { return }
        free(address)
        _ = ConnectedSocket.shutDown(localPort: Int(localPort), remotePort: remotePort)
    }

    /// The address of the server that this connection goes to at the moment.
    var connectedURL: String? {
        var buffer = [CChar](repeating: 0, count: 256)
        guard natsConnection_GetConnectedUrl(connection, &buffer, buffer.count) == NATS_OK else { return nil }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    func destroy() {
        timer?.cancel()
        timer = nil
        natsConnection_Close(connection)
        if let inbox { natsSubscription_Destroy(inbox) }
        inbox = nil
    }

    deinit { natsConnection_Destroy(connection) }
}
#endif
