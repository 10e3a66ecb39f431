#if JetStream
import CNATS
import Dispatch
import Synchronization

/// One connection to a NATS cluster, through libnats: publishing, requests with one or many answers, subscriptions.
///
/// libnats' calls block, so that none of them is made on Swift's cooperative threads. Messages are published by one queue
/// of this connection, in the order in which they were handed over, as many together as wait; answers come on one inbox
/// for all requests, on a thread of libnats.
final class JetStreamConnection: Sendable {
    struct Settings: Sendable {
        var credentialsFile: String?
        var user: String?
        var password: String?
        var token: String?
        var certificateAuthorityFile: String?
        var name = "daybook"
        var connectTimeout: Duration = .seconds(5)
    }

    let handle: ConnectionHandle
    let core: ConnectionRequests
    let queue: DispatchQueue
    /// What the subjects of answers begin with.
    let inboxPrefix: String

    /// - Parameter urls: Comma-separated, as `nats://127.0.0.1:4222,nats://127.0.0.1:4223`.
    static func connect(_ urls: String, settings: Settings) async throws(ConnectionFailure) -> JetStreamConnection {
        let queue = DispatchQueue(label: "daybook.jetstream.send")
        let result: Result<JetStreamConnection, ConnectionFailure> = await withCheckedContinuation { continuation in
            queue.async {
                continuation.resume(
                    returning: Result { () throws(ConnectionFailure) in
                        try JetStreamConnection(urls, settings: settings, queue: queue)
                    })
            }
        }
        return try result.get()
    }

    private init(_ urls: String, settings: Settings, queue: DispatchQueue) throws(ConnectionFailure) {
        self.queue = queue
        let core = ConnectionRequests()
        self.core = core
        var options: OpaquePointer?
        try Self.check(natsOptions_Create(&options))
        defer { natsOptions_Destroy(options) }
        try Self.check(natsOptions_SetURL(options, nil))
        let servers = urls.split(separator: ",").map { $0.filter { $0 != " " } }
        try Self.withCStrings(servers) { pointers throws(ConnectionFailure) in
            try Self.check(natsOptions_SetServers(options, pointers, Int32(servers.count)))
        }
        try Self.check(natsOptions_SetName(options, settings.name))
        try Self.check(natsOptions_SetTimeout(options, settings.connectTimeout.wholeMilliseconds))
        try Self.check(natsOptions_SetMaxReconnect(options, -1))
        try Self.check(natsOptions_SetReconnectWait(options, 50))
        try Self.check(natsOptions_SetReconnectJitter(options, 50, 50))
        // What is published while there is no connection fails at once, and is sent again by who knows what it was.
        try Self.check(natsOptions_SetReconnectBufSize(options, 1))
        try Self.check(natsOptions_SetPingInterval(options, 2_000))
        try Self.check(natsOptions_SetMaxPingsOut(options, 2))
        try Self.check(natsOptions_SetWriteDeadline(options, 5_000))
        if let user = settings.user {
            try Self.check(natsOptions_SetUserInfo(options, user, settings.password ?? ""))
        }
        if let token = settings.token { try Self.check(natsOptions_SetToken(options, token)) }
        if let file = settings.credentialsFile {
            try Self.check(natsOptions_SetUserCredentialsFromFiles(options, file, nil))
        }
        if let file = settings.certificateAuthorityFile {
            try Self.check(natsOptions_SetSecure(options, true))
            try Self.check(natsOptions_LoadCATrustedCertificates(options, file))
        }
        let retained = Unmanaged.passRetained(core).toOpaque()  // Released by the callback that tells of the end.
        try Self.check(
            natsOptions_SetDisconnectedCB(
                options, { _, closure in ConnectionRequests.from(closure).failAll(with: .disconnected) }, retained))
        try Self.check(
            natsOptions_SetClosedCB(
                options,
                { _, closure in
                    guard let closure else { return }
                    Unmanaged<ConnectionRequests>.fromOpaque(closure).takeRetainedValue().close()
                }, retained))
        var connection: OpaquePointer?
        let status = natsConnection_Connect(&connection, options)
        guard status == NATS_OK, let connection else {
            Unmanaged<ConnectionRequests>.fromOpaque(retained).release()
            throw .notSent(reason: "no connection to \(urls): \(Self.text(status))")
        }
        handle = ConnectionHandle(connection)
        inboxPrefix = Self.newInboxPrefix()
        var subscription: OpaquePointer?
        let box = Unmanaged.passRetained(ReplyBox(core: core, skip: inboxPrefix.utf8.count)).toOpaque()
        let subscribed = natsConnection_Subscribe(
            &subscription, connection, inboxPrefix + "*",
            { _, _, message, closure in
                guard let message, let closure else { return }
                defer { natsMsg_Destroy(message) }
                let box = Unmanaged<ReplyBox>.fromOpaque(closure).takeUnretainedValue()
                guard let subject = natsMsg_GetSubject(message) else { return }
                var token: UInt64 = 0
                var digit = subject + box.skip
                while digit.pointee != 0 {
                    token = token &* 10 &+ UInt64(truncatingIfNeeded: Int(digit.pointee) - 48)
                    digit += 1
                }
                box.core.take(IncomingMessage(borrowing: message), for: token)
            }, box)
        guard subscribed == NATS_OK else {
            natsConnection_Close(connection)
            throw .notSent(reason: "no inbox: \(Self.text(subscribed))")
        }
        natsSubscription_SetPendingLimits(subscription, -1, -1)
        natsSubscription_SetOnCompleteCB(
            subscription, { closure in closure.map { Unmanaged<ReplyBox>.fromOpaque($0).release() } }, box)
        handle.inbox = subscription
        let timer = DispatchSource.makeTimerSource(queue: DispatchQueue(label: "daybook.jetstream.time"))
        timer.schedule(deadline: .now() + .milliseconds(20), repeating: .milliseconds(20))
        timer.setEventHandler { [weak handle] in
            core.failExpired()
            if core.isServerToBeLeft() { handle?.leaveServer() }
        }
        timer.resume()
        handle.timer = timer
    }

    deinit {
        let handle = handle
        queue.async { handle.destroy() }  // Outlives this object: closing waits for libnats' threads.
    }

    /// The greatest message that the server takes, headers and body, in bytes.
    var maxPayload: Int { Int(natsConnection_GetMaxPayload(handle.connection)) }

    /// The address of the server that this connection goes to at the moment.
    var connectedURL: String? { handle.connectedURL }

    /// Ends every wait with ``ConnectionFailure/closed``; nothing can be sent afterwards.
    func close() async {
        core.close()
        await withCheckedContinuation { continuation in
            queue.async { [handle] in
                handle.close()
                continuation.resume()
            }
        }
    }

    // MARK: - Publishing and requests

    /// Publishes messages that nobody answers. They leave in this order, behind what was handed over before.
    func publish(_ messages: [OutgoingMessage]) {
        send(messages, token: nil)
    }

    /// Publishes messages in order, the last one as a request, and waits for its one answer.
    ///
    /// - Parameter read: Called with the answer on libnats' thread; it must not block.
    func request<Value: Sendable>(
        _ messages: [OutgoingMessage], timeout: Duration,
        read: @escaping @Sendable (borrowing IncomingMessage) -> Result<Value, ConnectionFailure>
    ) async throws(ConnectionFailure) -> Value {
        try await requestMany(messages, timeout: timeout) { message in read(message) }
    }

    /// Publishes messages in order, the last one as a request, and takes answers until `read` returns a value.
    ///
    /// - Parameters:
    ///   - inbox: Where answers come that are messages of a stream; nil for all others.
    ///   - ofLeader: Whether only a leader answers, so that a server that reaches none is left after a while.
    ///   - timeout: How long no answer may come; each answer begins it anew.
    ///   - read: Called with each answer on libnats' thread; it must not block. Nil asks for the next one.
    func requestMany<Value: Sendable>(
        _ messages: [OutgoingMessage], by inbox: StreamInbox? = nil, ofLeader: Bool = true, timeout: Duration,
        read: @escaping @Sendable (borrowing IncomingMessage) -> Result<Value, ConnectionFailure>?
    ) async throws(ConnectionFailure) -> Value {
        let token = core.newToken()
        let result: Result<Value, ConnectionFailure> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let pending = PendingRequest(
                    timeout: timeout,
                    read: { message in
                        if message.isNoResponders {
                            continuation.resume(returning: .failure(.noResponders))
                            return true
                        }
                        guard let result = read(message) else { return false }
                        continuation.resume(returning: result)
                        return true
                    },
                    fail: { continuation.resume(returning: .failure($0)) })
                guard core.add(pending, for: token) else {
                    continuation.resume(returning: .failure(.closed))
                    return
                }
                inbox?.expect(token)
                send(messages, token: token, inbox: inbox?.prefix)
                if Task.isCancelled { core.fail(token, with: .cancelled) }
            }
        } onCancel: {
            core.fail(token, with: .cancelled)
        }
        do throws(ConnectionFailure) {
            let value = try result.get()
            if ofLeader { core.note(nil) }
            return value
        } catch {
            if ofLeader { core.note(error) }
            throw error
        }
    }

    /// Calls a handler with each message on a subject, on a thread of libnats, until the subscription is ended.
    ///
    /// The server drops messages of a subscription while the connection is broken; libnats renews it by itself.
    func subscribe(
        _ subject: String, handler: @escaping @Sendable (borrowing IncomingMessage) -> Void
    ) throws(ConnectionFailure) -> ConnectionSubscription {
        let box = Unmanaged.passRetained(HandlerBox(handler)).toOpaque()
        var subscription: OpaquePointer?
        let status = natsConnection_Subscribe(
            &subscription, handle.connection, subject,
            { _, _, message, closure in
                guard let message, let closure else { return }
                defer { natsMsg_Destroy(message) }
                Unmanaged<HandlerBox>.fromOpaque(closure).takeUnretainedValue()
                    .handler(IncomingMessage(borrowing: message))
            }, box)
        guard status == NATS_OK, let subscription else {
            Unmanaged<HandlerBox>.fromOpaque(box).release()
            throw .notSent(reason: "no subscription to \(subject): \(Self.text(status))")
        }
        natsSubscription_SetPendingLimits(subscription, -1, -1)
        natsSubscription_SetOnCompleteCB(
            subscription, { closure in closure.map { Unmanaged<HandlerBox>.fromOpaque($0).release() } }, box)
        return ConnectionSubscription(subscription, connection: handle)
    }

    /// Ends a subscription, before whatever is sent or closed after this call.
    func end(_ subscription: ConnectionSubscription) {
        queue.async { subscription.end() }
    }

    /// Waits until the server has processed everything sent before, such as subscriptions.
    func flush() async {
        await withCheckedContinuation { continuation in
            queue.async { [handle] in
                _ = natsConnection_FlushTimeout(handle.connection, 5_000)
                continuation.resume()
            }
        }
    }

    // MARK: - libnats

    /// Unlike that of any other inbox.
    static func newInboxPrefix() -> String {
        "_INBOX." + String(decoding: (0..<22).map { _ in UInt8.random(in: 97...122) }, as: UTF8.self) + "."
    }

    private static func check(_ status: natsStatus) throws(ConnectionFailure) {
        guard status == NATS_OK else { throw .notSent(reason: text(status)) }
    }

    static func text(_ status: natsStatus) -> String {
        natsStatus_GetText(status).map { String(cString: $0) } ?? "status \(status.rawValue)"
    }

    private static func withCStrings(
        _ strings: [String], _ body: (UnsafeMutablePointer<UnsafePointer<CChar>?>) throws(ConnectionFailure) -> Void
    ) throws(ConnectionFailure) {
        let copies = strings.map { text in
            let bytes = text.utf8CString
            let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
            for (index, byte) in bytes.enumerated() { copy[index] = byte }
            return copy
        }
        defer { for copy in copies { copy.deallocate() } }
        let pointers = UnsafeMutablePointer<UnsafePointer<CChar>?>.allocate(capacity: copies.count)
        defer { pointers.deallocate() }
        for (index, copy) in copies.enumerated() { pointers[index] = UnsafePointer(copy) }
        try body(pointers)
    }
}
#endif
