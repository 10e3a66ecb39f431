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

    private let handle: Handle
    private let core: Core
    private let queue: DispatchQueue
    private let inbox: Inbox

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
        let core = Core()
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
                options, { _, closure in Core.from(closure).failAll(with: .disconnected) }, retained))
        try Self.check(
            natsOptions_SetClosedCB(
                options,
                { _, closure in
                    guard let closure else { return }
                    Unmanaged<Core>.fromOpaque(closure).takeRetainedValue().close()
                }, retained))
        var connection: OpaquePointer?
        let status = natsConnection_Connect(&connection, options)
        guard status == NATS_OK, let connection else {
            Unmanaged<Core>.fromOpaque(retained).release()
            throw .notSent(reason: "no connection to \(urls): \(Self.text(status))")
        }
        handle = Handle(connection)
        var prefix = [CChar](repeating: 0, count: 23)
        for index in 0..<22 { prefix[index] = CChar(bitPattern: UInt8.random(in: 97...122)) }
        inbox = Inbox(
            prefix: "_INBOX." + String(decoding: prefix.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self) + ".")
        var subscription: OpaquePointer?
        let box = Unmanaged.passRetained(ReplyBox(core: core, skip: inbox.prefix.utf8.count)).toOpaque()
        let subscribed = natsConnection_Subscribe(
            &subscription, connection, inbox.prefix + "*",
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
        timer.setEventHandler { core.failExpired() }
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
    var connectedURL: String? {
        var buffer = [CChar](repeating: 0, count: 256)
        guard natsConnection_GetConnectedUrl(handle.connection, &buffer, buffer.count) == NATS_OK else { return nil }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

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
    ///   - timeout: How long no answer may come; each answer begins it anew.
    ///   - read: Called with each answer on libnats' thread; it must not block. Nil asks for the next one.
    func requestMany<Value: Sendable>(
        _ messages: [OutgoingMessage], timeout: Duration,
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
                send(messages, token: token)
                if Task.isCancelled { core.fail(token, with: .cancelled) }
            }
        } onCancel: {
            core.fail(token, with: .cancelled)
        }
        return try result.get()
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

    private func send(_ messages: [OutgoingMessage], token: UInt64?) {
        var group: [OpaquePointer] = []
        group.reserveCapacity(messages.count)
        for (index, message) in messages.enumerated() {
            let reply = index == messages.count - 1 ? token.map { inbox.prefix + String($0) } : nil
            var created: OpaquePointer?
            let status = message.body.withUnsafeBytes { bytes in
                natsMsg_Create(
                    &created, message.subject, reply, bytes.baseAddress?.assumingMemoryBound(to: CChar.self),
                    Int32(bytes.count))
            }
            guard status == NATS_OK, let created else {
                for message in group { natsMsg_Destroy(message) }
                if let token { core.fail(token, with: .notSent(reason: Self.text(status))) }
                return
            }
            for (name, value) in message.headers { natsMsgHeader_Set(created, name, value) }
            group.append(created)
        }
        if core.enqueue(OutgoingGroup(messages: group, token: token)) {
            queue.async { [core, handle] in Self.drain(core, handle) }
        }
    }

    /// Publishes what waits, and flushes once for all of it.
    private static func drain(_ core: Core, _ handle: Handle) {
        while let groups = core.takeOutgoing() {
            var isAnySent = false
            for group in groups {
                var status = NATS_OK
                for message in group.messages {
                    if status == NATS_OK { status = natsConnection_PublishMsg(handle.connection, message) }
                    natsMsg_Destroy(message)
                }
                if status == NATS_OK {
                    isAnySent = true
                } else if let token = group.token {
                    // Of a message that an I/O error met, the server may have got everything.
                    let isSurelyUnsent =
                        status == NATS_INSUFFICIENT_BUFFER || status == NATS_MAX_PAYLOAD
                        || status == NATS_CONNECTION_CLOSED || status == NATS_INVALID_SUBJECT
                        || status == NATS_INVALID_ARG || status == NATS_CONNECTION_DISCONNECTED
                    core.fail(token, with: isSurelyUnsent ? .notSent(reason: text(status)) : .disconnected)
                }
            }
            // The library's own flusher waits a millisecond; a ping sends at once, and its pong lets the next group gather.
            if isAnySent { _ = natsConnection_FlushTimeout(handle.connection, 1_000) }
        }
    }

    private static func check(_ status: natsStatus) throws(ConnectionFailure) {
        guard status == NATS_OK else { throw .notSent(reason: text(status)) }
    }

    private static func text(_ status: natsStatus) -> String {
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

    private struct Inbox: Sendable {
        let prefix: String
    }
}

/// A subscription; it ends with ``end()`` or when it is released.
final class ConnectionSubscription: Sendable {
    private let subscription: Mutex<OpaquePointer?>
    private let connection: Handle

    fileprivate init(_ subscription: OpaquePointer, connection: Handle) {
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

/// The connection as libnats knows it. Its own locks make it safe to use from any thread.
private final class Handle: @unchecked Sendable {
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

private final class HandlerBox: Sendable {
    let handler: @Sendable (borrowing IncomingMessage) -> Void

    init(_ handler: @escaping @Sendable (borrowing IncomingMessage) -> Void) { self.handler = handler }
}

private final class ReplyBox: Sendable {
    let core: Core
    /// The bytes of the subject before the token.
    let skip: Int

    init(core: Core, skip: Int) {
        self.core = core
        self.skip = skip
    }
}

/// Messages that are published one behind the other.
private struct OutgoingGroup: @unchecked Sendable {
    let messages: [OpaquePointer]
    let token: UInt64?
}

private struct PendingRequest: Sendable {
    let timeout: Duration
    var deadline: ContinuousClock.Instant
    /// True when no further answer is wanted.
    let read: @Sendable (borrowing IncomingMessage) -> Bool
    let fail: @Sendable (ConnectionFailure) -> Void

    init(
        timeout: Duration, read: @escaping @Sendable (borrowing IncomingMessage) -> Bool,
        fail: @escaping @Sendable (ConnectionFailure) -> Void
    ) {
        self.timeout = timeout
        deadline = .now + timeout
        self.read = read
        self.fail = fail
    }
}

/// What waits: requests for their answers, messages to be sent.
private final class Core: Sendable {
    private struct State {
        var pending: [UInt64: PendingRequest] = [:]
        var nextToken: UInt64 = 1
        var outgoing: [OutgoingGroup] = []
        var isDraining = false
        var isClosed = false
    }

    private let state = Mutex(State())

    static func from(_ closure: UnsafeMutableRawPointer?) -> Core {
        Unmanaged<Core>.fromOpaque(closure!).takeUnretainedValue()
    }

    func newToken() -> UInt64 {
        state.withLock { state in
            state.nextToken += 1
            return state.nextToken
        }
    }

    func add(_ request: PendingRequest, for token: UInt64) -> Bool {
        state.withLock { state in
            guard !state.isClosed else { return false }
            state.pending[token] = request
            return true
        }
    }

    /// Returns whether the caller is to start the sending.
    func enqueue(_ group: OutgoingGroup) -> Bool {
        state.withLock { state in
            state.outgoing.append(group)
            defer { state.isDraining = true }
            return !state.isDraining
        }
    }

    func takeOutgoing() -> [OutgoingGroup]? {
        state.withLock { state in
            guard !state.outgoing.isEmpty else {
                state.isDraining = false
                return nil
            }
            defer { state.outgoing = [] }
            return state.outgoing
        }
    }

    /// Answers of one request come one after another, on the inbox's one thread.
    func take(_ message: borrowing IncomingMessage, for token: UInt64) {
        let request: PendingRequest? = state.withLock { state in
            guard let index = state.pending.index(forKey: token) else { return nil }
            state.pending.values[index].deadline = .now + state.pending.values[index].timeout
            return state.pending.values[index]
        }
        guard let request else { return }
        // Taken out first, so that a failure at the same moment does not answer it a second time.
        guard state.withLock({ $0.pending.removeValue(forKey: token) }) != nil else { return }
        if !request.read(message) {
            let isOpen = state.withLock { state in
                guard !state.isClosed else { return false }
                state.pending[token] = request
                return true
            }
            if !isOpen { request.fail(.closed) }
        }
    }

    func fail(_ token: UInt64, with failure: ConnectionFailure) {
        state.withLock { $0.pending.removeValue(forKey: token) }?.fail(failure)
    }

    func failAll(with failure: ConnectionFailure) {
        let all = state.withLock { state in
            defer { state.pending = [:] }
            return state.pending
        }
        for request in all.values { request.fail(failure) }
    }

    func failExpired() {
        let now = ContinuousClock.now
        let expired = state.withLock { state in
            let expired = state.pending.filter { $0.value.deadline < now }
            for token in expired.keys { state.pending.removeValue(forKey: token) }
            return expired
        }
        for request in expired.values { request.fail(.timedOut) }
    }

    func close() {
        let all = state.withLock { state in
            state.isClosed = true
            defer { state.pending = [:] }
            return state.pending
        }
        for request in all.values { request.fail(.closed) }
    }
}

extension Duration {
    /// In milliseconds, rounded up.
    var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
    }
}
#endif
