#if JetStream
import CNATS
import Synchronization

/// A subscription; it ends with ``end()`` or when it is released.
final class ConnectionSubscription: Sendable {
    private let subscription: Mutex<OpaquePointer?>
    private let connection: ConnectionHandle

    init(_ subscription: OpaquePointer, connection: ConnectionHandle) {
        nonisolated(unsafe) let subscription: OpaquePointer? = subscription
        self.subscription = Mutex(subscription)
        self.connection = connection
    }

    func end() {
        nonisolated(unsafe) var taken: OpaquePointer?
        subscription.withLock { subscription in
            taken = subscription
            subscription = nil
        }
        if let taken {
            natsSubscription_Unsubscribe(taken)
            natsSubscription_Destroy(taken)
        }
    }

    deinit { end() }
}

/// Carries a handler through libnats.
final class HandlerBox: Sendable {
    let handler: @Sendable (borrowing IncomingMessage) -> Void

    init(_ handler: @escaping @Sendable (borrowing IncomingMessage) -> Void) { self.handler = handler }
}
#endif
