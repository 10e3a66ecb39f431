#if JetStream
import CNATS
import Dispatch

/// The connection as libnats knows it. Its own locks make it safe to use from any thread.
final class ConnectionHandle: @unchecked Sendable {
    let connection: OpaquePointer
    var inbox: OpaquePointer?
    /// Ends requests whose time is over.
    var timer: (any DispatchSourceTimer)?

    init(_ connection: OpaquePointer) { self.connection = connection }

    func close() { natsConnection_Close(connection) }

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
