#if Server
import Logging
import NIOCore

/// One call, on its stream of HTTP/2: cuts what comes into messages, runs the method, and sends what that answers. To be used on
/// its event loop.
///
/// See https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
final class RPCCall {
    private enum State {
        /// No headers have come.
        case waiting
        /// The one message of a unary call is coming.
        case collecting(@Sendable (ByteBuffer, RPCContext) async throws -> ByteBuffer, RPCContext)
        /// The method has all that it needs.
        case running
        /// The method reads messages as they come.
        case streaming(RPCRequests)
        /// The client has its answer, or is gone.
        case finished
    }

    /// While more than this waits for the client, a method waits, too, until it is less than the other.
    private static let mostWaiting = 256 << 10
    private static let fewWaiting = 64 << 10

    private let stream: Int32
    private let loop: any EventLoop
    private let services: RPCServices
    private let peer: RPCPeer
    private let hold: RPCHold
    /// Nil when the stream is closed.
    private var connection: RPCConnection?
    private var record: CallRecord?
    private var reader: RPCMessageReader
    /// When a message has begun that has not come in whole, it must have by then.
    private var messageDeadline: Scheduled<Void>?
    /// What has come of a client that gets room for more only when the method has read on, in bytes.
    private var heldUp = 0
    /// Of what comes nothing more is taken, and the method ends by itself.
    private var isRefused = false
    private var state = State.waiting
    private var message: ByteBuffer?
    private var task: Task<Void, Never>?
    private var deadline: Scheduled<Void>?
    private var finishesMethod = false
    private var hasSentHeaders = false
    private(set) var hasClientEnded = false
    private var outgoing = RPCOutgoing()
    /// The stream has been told that nothing is there to be sent.
    private var isDrained = false
    /// Resumed when the client has room again.
    private var room: EventLoopPromise<Void>?

    private var limits: RPCLimits { services.limits }

    init(on stream: Int32, of connection: RPCConnection, loop: any EventLoop) {
        self.stream = stream
        self.connection = connection
        self.loop = loop
        services = connection.services
        peer = connection.peer
        hold = RPCHold(of: connection.memory)
        reader = RPCMessageReader(limit: connection.services.limits.messageBytes)
    }

    // MARK: - What comes

    /// The stream is closed, or the connection.
    func closed() {
        abandon(RPCStatus(.cancelled, "The client has gone."))
        outgoing.removeAll()
        connection = nil
    }

    /// The headers have come.
    func begin(_ headers: RPCHeaders) {
        guard case .waiting = state else { return }
        let path = headers.first(":path") ?? ""
        if let logger = services.callLogger { record = CallRecord(path, from: peer.address, logger: logger) }
        guard headers.first(":method") == "POST" else { return finish(httpStatus: "405") }
        guard headers.first("content-type", startsWith: "application/grpc") else { return finish(httpStatus: "415") }
        guard let method = services.routes[path] else {
            finish(
                .failure(RPCStatus(.unimplemented, "The server has no method \(path.prefix(RPCLimits.quotedBytes)).")))
            return
        }
        do throws(RPCStatus) {
            try hold.take(headers.size)  // They are kept as long as the call.
        } catch {
            finish(.failure(error))
            return
        }
        let call = RPCContext(path: path, peer: peer, record: record, headers: headers)
        if let text = headers.first("grpc-timeout") {
            guard let timeout = RPCTimeout.parse(text) else {
                finish(
                    .failure(
                        RPCStatus(
                            .invalidArgument,
                            "grpc-timeout '\(text.prefix(RPCLimits.quotedBytes))' is no time: use digits and a unit, as in "
                                + "10S.")))
                return
            }
            let bound = NIOLoopBound(self, eventLoop: loop)
            deadline = loop.scheduleTask(in: timeout) {
                bound.value.finish(.failure(RPCStatus(.deadlineExceeded, "The call's time is over.")))
            }
        }
        begin(method, call)
    }

    private func begin(_ method: RPCMethod, _ call: RPCContext) {
        switch method {
        case .finishing(let method):
            finishesMethod = true
            begin(method, call)
        case .unary(let answer):
            state = .collecting(answer, call)
        case .clientStreaming(let answer):
            let requests = RPCRequests(hold: hold)
            state = .streaming(requests)
            services.calls.add(self, on: loop)
            run(path: call.path) { try await answer(requests, call) }
        case .streaming(let answer):
            let requests = RPCRequests(hold: hold)
            state = .streaming(requests)
            let bound = NIOLoopBound(self, eventLoop: loop)
            let responses = RPCResponses { [loop] messages in
                if loop.inEventLoop {
                    try await bound.value.send(messages)?.get()
                } else {
                    try await loop.submit { try bound.value.send(messages) }.get()?.get()
                }
            }
            services.calls.add(self, on: loop)
            run(path: call.path) {
                try await answer(requests, responses, call)
                return nil
            }
        }
    }

    /// - Returns: Whether the client may send as much more on the stream; when not, it may when the method has read on.
    func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
        switch state {
        case .waiting, .running, .finished: return true
        case .collecting, .streaming: break
        }
        guard !isRefused else { return true }
        record?.received(bytes.count)
        do throws(RPCStatus) {
            try hold.take(bytes.count)
            reader.append(ByteBuffer(bytes: bytes))
            while let next = try reader.next() {
                messageDeadline?.cancel()
                messageDeadline = nil
                switch state {
                case .streaming(let requests):
                    hold.giveBack(RPCMessageReader.prefixBytes + next.readableBytes)
                    try requests.deliver(next)
                default:
                    guard message == nil else {
                        throw RPCStatus(.internalError, "The method takes one message, and more came.")
                    }
                    message = next
                }
            }
            if reader.hasPartialMessage { expectRest() }
        } catch {
            refuse(error)
        }
        return mayRead(behind: bytes.count)
    }

    /// Nothing more is taken from the client while too much waits for the method.
    private func mayRead(behind count: Int) -> Bool {
        guard case .streaming(let requests) = state else { return true }
        let bound = NIOLoopBound(self, eventLoop: loop)
        if requests.mayRead(orElse: { [loop] in loop.execute { bound.value.readOn() } }) { return true }
        heldUp += count
        return false
    }

    private func readOn() {
        connection?.giveRoom(heldUp, on: stream)
        heldUp = 0
    }

    /// A client that sends a message byte by byte, or half of it, does not keep its memory for ever.
    private func expectRest() {
        guard messageDeadline == nil else { return }
        let bound = NIOLoopBound(self, eventLoop: loop)
        messageDeadline = loop.scheduleTask(in: limits.messageTime) { bound.value.restIsLate() }
    }

    private func restIsLate() {
        messageDeadline = nil
        guard heldUp == 0 else { return expectRest() }  // It is the server that does not read.
        refuse(RPCStatus(.deadlineExceeded, "The rest of a message has not come in time."))
    }

    /// The client sends nothing more.
    func clientEnded() {
        hasClientEnded = true
        if reader.hasPartialMessage {
            finish(.failure(RPCStatus(.internalError, "The last message ends before its length.")))
            return
        }
        switch state {
        case .collecting(let answer, let call):
            guard let message else {
                finish(.failure(RPCStatus(.internalError, "The method takes one message, and none came.")))
                return
            }
            state = .running
            self.message = nil
            // The message's memory is counted until the method has ended, which may be after the client has gone.
            run(path: call.path) { [hold] in
                defer { withExtendedLifetime(hold) {} }
                return try await answer(message, call)
            }
        case .streaming(let requests):
            requests.finish()
        case .waiting, .running, .finished:
            break
        }
    }

    // MARK: - The method

    private func run(path: String, _ body: @escaping @Sendable () async throws -> ByteBuffer?) {
        let bound = NIOLoopBound(self, eventLoop: loop)
        task = Task(executorPreference: services.executor) { [loop, logger = services.logger] in
            let result: Result<ByteBuffer?, RPCStatus>
            do {
                result = .success(try await body())
            } catch let status as RPCStatus {
                result = .failure(status)
            } catch is CancellationError {
                result = .failure(RPCStatus(.cancelled, "The call was cancelled."))
            } catch {
                logger.error("A method failed.", metadata: ["method": "\(path)", "error": "\(error)"])
                result = .failure(.unforeseen)
            }
            if loop.inEventLoop {
                bound.value.finish(result)
            } else {
                loop.execute { bound.value.finish(result) }
            }
        }
    }

    /// The client gets no answer any more.
    private func abandon(_ status: RPCStatus) {
        if case .streaming(let requests) = state { requests.finish(.failure(status)) }
        record?.end(status.name)
        state = .finished
        end()
    }

    private func end() {
        deadline?.cancel()
        deadline = nil
        messageDeadline?.cancel()
        messageDeadline = nil
        reader = RPCMessageReader(limit: limits.messageBytes)
        if !finishesMethod { task?.cancel() }
        task = nil
        room?.fail(CancellationError())
        room = nil
        message = nil
        services.calls.remove(self)
    }

    /// Ends the call because the server does.
    func shutDown() { refuse(RPCStatus(.unavailable, "The server is shutting down.")) }

    /// Ends the call because nothing more of it can be taken. A method that writes is given no more, and ends by itself when what
    /// it has begun is written and answered: the status tells of what came behind.
    private func refuse(_ status: RPCStatus) {
        guard finishesMethod, case .streaming(let requests) = state else { return finish(.failure(status)) }
        isRefused = true
        messageDeadline?.cancel()
        messageDeadline = nil
        reader = RPCMessageReader(limit: limits.messageBytes)
        requests.finish(.failure(status))
    }

    // MARK: - What is sent

    private static let responseFields = [(name: ":status", value: "200"), ("content-type", "application/grpc")]
    private static let responseHeaders = HTTP2Fields(responseFields, isLasting: true)
    private static let okTrailers = HTTP2Fields([("grpc-status", "0")], isLasting: true)

    /// Sends a piece; what is returned succeeds when the client has room for more, and is nil when it has already.
    private func send(_ messages: ByteBuffer) throws -> EventLoopFuture<Void>? {
        guard connection != nil else { throw CancellationError() }
        if case .finished = state { throw CancellationError() }
        try takeRoom(forAnswerOf: messages.readableBytes)
        sendHeaders()
        record?.sent(messages.readableBytes)
        outgoing.append(messages)
        resume()
        guard outgoing.count > Self.mostWaiting else { return nil }
        let room = room ?? loop.makePromise(of: Void.self)
        self.room = room
        return room.futureResult
    }

    /// Moves what waits into a frame.
    func readPiece(into place: UnsafeMutableRawBufferPointer) -> HTTP2Session.Piece {
        let count = outgoing.move(into: place)
        hold.giveBack(count)
        if outgoing.count <= Self.fewWaiting, let room {
            self.room = nil
            room.succeed()
        }
        if outgoing.count == 0, let trailers = outgoing.trailers { return .last(count, trailers: trailers) }
        guard count > 0 else {
            isDrained = true
            return .none
        }
        return .bytes(count)
    }

    private func resume() {
        guard isDrained else { return }
        isDrained = false
        connection?.resume(stream)
    }

    /// - Throws: UNAVAILABLE when there is no room for it: of RESOURCE_EXHAUSTED clients know that nothing was written, and here
    ///   the method has done what it does. One that is to be finished is answered all the same.
    private func takeRoom(forAnswerOf size: Int) throws(RPCStatus) {
        if finishesMethod { return hold.takeAnyway(size) }
        do throws(RPCStatus) { try hold.take(size) } catch { throw RPCStatus(.unavailable, error.message) }
    }

    private func sendHeaders() {
        guard !hasSentHeaders else { return }
        hasSentHeaders = true
        connection?.respond(Self.responseHeaders, on: stream)
    }

    private func finish(_ result: Result<ByteBuffer?, RPCStatus>) {
        if case .finished = state { return }
        guard connection != nil else { return }
        var result = result
        if case .success(let answer?) = result {
            // Until the client has taken it, or the stream is closed.
            do throws(RPCStatus) {
                try takeRoom(forAnswerOf: answer.readableBytes + RPCMessageReader.prefixBytes)
            } catch {
                result = .failure(error)
            }
        }
        switch result {
        case .success(let answer):
            if let answer {
                var framed = ByteBuffer()
                framed.reserveCapacity(answer.readableBytes + RPCMessageReader.prefixBytes)
                framed.writeRPCMessage { $0.writeImmutableBuffer(answer) }
                record?.sent(framed.readableBytes)
                outgoing.append(framed)
            }
            record?.end("OK")
            sendHeaders()
            end(with: Self.okTrailers)
        case .failure(let status):
            record?.end(status.name)
            let fields =
                [("grpc-status", String(status.code.rawValue)), ("grpc-message", status.encodedMessage)]
                + status.trailers.map { ($0.name, $0.value) }
            if hasSentHeaders {
                end(with: HTTP2Fields(fields))
            } else {
                endAtOnce(with: HTTP2Fields(Self.responseFields + fields))
            }
        }
    }

    private func finish(httpStatus: String) {
        record?.end(httpStatus)
        endAtOnce(with: HTTP2Fields([(":status", httpStatus)]))
    }

    /// Headers and trailers in one block, and no messages.
    private func endAtOnce(with fields: HTTP2Fields) {
        hasSentHeaders = true
        connection?.respond(fields, on: stream, isEnd: true)
        finished()
    }

    private func end(with trailers: HTTP2Fields) {
        if outgoing.count > 0 {
            outgoing.trailers = trailers
            resume()
        } else {
            // Else they would wait until the client has room for data, though there is none.
            connection?.finish(stream, with: trailers)
        }
        finished()
    }

    private func finished() {
        if case .streaming(let requests) = state {
            requests.finish(.failure(RPCStatus(.cancelled, "The call has ended.")))
        }
        state = .finished
        end()
    }
}
#endif
