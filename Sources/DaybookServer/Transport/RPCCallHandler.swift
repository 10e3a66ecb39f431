#if Server
import Logging
import NIOCore
import NIOHPACK
import NIOHTTP2

/// One call, on its HTTP/2 stream: cuts what comes into messages, runs the method, and sends what that answers.
///
/// See https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
final class RPCCallHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias OutboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

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

    private let routes: RPCRoutes
    private let executor: EventLoopExecutor
    private let calls: RPCCalls
    private let peer: RPCPeer
    private let limits: RPCLimits
    private let hold: RPCHold
    private let logger: Logger
    /// Logs calls; nil where they are not.
    private let callLogger: Logger?
    private var record: CallRecord?
    private var reader: RPCMessageReader
    /// When a message has begun that has not come in whole, it must have by then.
    private var messageDeadline: Scheduled<Void>?
    /// What the stream may keep of a client that has to wait is counted.
    private var isHeldUp = false
    /// Of what comes nothing more is taken, and the method ends by itself.
    private var isRefused = false
    private var state = State.waiting
    private var message: ByteBuffer?
    private var context: ChannelHandlerContext?
    private var task: Task<Void, Never>?
    private var deadline: Scheduled<Void>?
    private var finishesMethod = false
    private var hasSentHeaders = false
    private var flushesSoon = false
    private var hasClientEnded = false
    /// Resumed when the client has room again.
    private var room: EventLoopPromise<Void>?

    init(
        routes: RPCRoutes, executor: EventLoopExecutor, calls: RPCCalls, peer: RPCPeer, limits: RPCLimits,
        memory: RPCMemory, logger: Logger, callLogger: Logger? = nil
    ) {
        self.routes = routes
        self.executor = executor
        self.calls = calls
        self.peer = peer
        self.limits = limits
        self.logger = logger
        self.callLogger = callLogger
        hold = RPCHold(of: memory)
        reader = RPCMessageReader(limit: limits.messageBytes)
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    // MARK: - What comes

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .headers(let frame):
            if frame.endStream { hasClientEnded = true }
            if case .waiting = state { begin(frame.headers, context: context) }
            if frame.endStream { clientEnded() }
        case .data(let frame):
            if case .byteBuffer(let bytes) = frame.data { take(bytes) }
            if frame.endStream { clientEnded() }
        default:
            break  // Of the frames of a stream, the others are the connection's to look at.
        }
    }

    /// Takes nothing more from the connection while too much waits for the method.
    func read(context: ChannelHandlerContext) {
        guard case .streaming(let requests) = state else { return context.read() }
        let loop = context.eventLoop
        let bound = NIOLoopBound(self, eventLoop: loop)
        if requests.mayRead(orElse: { loop.execute { bound.value.readOn() } }) { return context.read() }
        guard !isHeldUp else { return }
        // What the client may still send waits in the stream, where nothing counts it.
        do throws(RPCStatus) {
            try hold.take(limits.streamWindowBytes)
            isHeldUp = true
        } catch {
            refuse(error)
        }
    }

    private func readOn() {
        if isHeldUp { hold.giveBack(limits.streamWindowBytes) }
        isHeldUp = false
        context?.read()
    }

    func channelInactive(context: ChannelHandlerContext) {
        abandon(RPCStatus(.cancelled, "The client has gone."))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        abandon(RPCStatus(.cancelled, "The stream has failed."))
        context.close(promise: nil)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable, let room {
            self.room = nil
            room.succeed()
        }
        context.fireChannelWritabilityChanged()
    }

    private func begin(_ headers: HPACKHeaders, context: ChannelHandlerContext) {
        if let callLogger {
            record = CallRecord(headers.first(name: ":path") ?? "", from: peer.address, logger: callLogger)
        }
        guard headers.first(name: ":method") == "POST",
            headers.first(name: "content-type")?.hasPrefix("application/grpc") == true
        else {
            finish(httpStatus: headers.first(name: ":method") == "POST" ? "415" : "405")
            return
        }
        let path = headers.first(name: ":path") ?? ""
        guard let method = routes[path] else {
            finish(
                .failure(RPCStatus(.unimplemented, "The server has no method \(path.prefix(RPCLimits.quotedBytes)).")))
            return
        }
        do throws(RPCStatus) {
            // They are kept as long as the call.
            try hold.take(
                headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + RPCLimits.headerOverhead })
        } catch {
            finish(.failure(error))
            return
        }
        let call = RPCContext(path: path, peer: peer, record: record, headers: headers)
        if let text = headers.first(name: "grpc-timeout") {
            guard let timeout = RPCTimeout.parse(text) else {
                finish(
                    .failure(
                        RPCStatus(
                            .invalidArgument,
                            "grpc-timeout '\(text.prefix(RPCLimits.quotedBytes))' is no time: use digits and a unit, as in "
                                + "10S.")))
                return
            }
            let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
            deadline = context.eventLoop.scheduleTask(in: timeout) {
                bound.value.finish(.failure(RPCStatus(.deadlineExceeded, "The call's time is over.")))
            }
        }
        begin(method, call, context: context)
    }

    private func begin(_ method: RPCMethod, _ call: RPCContext, context: ChannelHandlerContext) {
        switch method {
        case .finishing(let method):
            finishesMethod = true
            begin(method, call, context: context)
        case .unary(let answer):
            state = .collecting(answer, call)
        case .clientStreaming(let answer):
            let requests = RPCRequests(hold: hold)
            state = .streaming(requests)
            calls.add(self, on: context.eventLoop)
            run(path: call.path) { try await answer(requests, call) }
        case .streaming(let answer):
            let requests = RPCRequests(hold: hold)
            state = .streaming(requests)
            let loop = context.eventLoop
            let bound = NIOLoopBound(self, eventLoop: loop)
            let responses = RPCResponses { messages in
                if loop.inEventLoop {
                    try await bound.value.send(messages)?.get()
                } else {
                    try await loop.submit { try bound.value.send(messages) }.get()?.get()
                }
            }
            calls.add(self, on: loop)
            run(path: call.path) {
                try await answer(requests, responses, call)
                return nil
            }
        }
    }

    private func take(_ bytes: ByteBuffer) {
        switch state {
        case .waiting, .running, .finished: return
        case .collecting, .streaming: break
        }
        guard !isRefused else { return }
        record?.received(bytes.readableBytes)
        do throws(RPCStatus) {
            try hold.take(bytes.readableBytes)
            reader.append(bytes)
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
    }

    /// A client that sends a message byte by byte, or half of it, does not keep its memory for ever.
    private func expectRest() {
        guard messageDeadline == nil, let loop = context?.eventLoop else { return }
        let bound = NIOLoopBound(self, eventLoop: loop)
        messageDeadline = loop.scheduleTask(in: limits.messageTime) { bound.value.restIsLate() }
    }

    private func restIsLate() {
        messageDeadline = nil
        guard !isHeldUp else { return expectRest() }  // It is the server that does not read.
        refuse(RPCStatus(.deadlineExceeded, "The rest of a message has not come in time."))
    }

    private func clientEnded() {
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
        guard let loop = context?.eventLoop else { return }
        let bound = NIOLoopBound(self, eventLoop: loop)
        let logger = logger
        task = Task(executorPreference: executor) {
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
        calls.remove(self)
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

    private static let responseHeaders: HPACKHeaders = [":status": "200", "content-type": "application/grpc"]

    /// Sends a piece; what is returned succeeds when the client has room for more, and is nil when it has already.
    private func send(_ messages: ByteBuffer) throws -> EventLoopFuture<Void>? {
        guard let context else { throw CancellationError() }
        if case .finished = state { throw CancellationError() }
        let size = messages.readableBytes
        try takeRoom(forAnswerOf: size)
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.whenComplete { [hold] _ in hold.giveBack(size) }
        sendHeaders()
        record?.sent(messages.readableBytes)
        context.write(wrapOutboundOut(.data(.init(data: .byteBuffer(messages)))), promise: sent)
        flushSoon(context)
        guard !context.channel.isWritable else { return nil }
        let room = room ?? context.eventLoop.makePromise(of: Void.self)
        self.room = room
        return room.futureResult
    }

    /// - Throws: UNAVAILABLE when there is no room for it: of RESOURCE_EXHAUSTED clients know that nothing was written, and here
    ///   the method has done what it does. One that is to be finished is answered all the same.
    private func takeRoom(forAnswerOf size: Int) throws(RPCStatus) {
        if finishesMethod { return hold.takeAnyway(size) }
        do throws(RPCStatus) { try hold.take(size) } catch { throw RPCStatus(.unavailable, error.message) }
    }

    /// Flushes when the loop has run what is ready: what follows at once, often the end of the call, goes out with it.
    private func flushSoon(_ context: ChannelHandlerContext) {
        guard !flushesSoon else { return }
        flushesSoon = true
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.eventLoop.execute {
            bound.value.flushesSoon = false
            bound.value.context?.flush()
        }
    }

    private func sendHeaders() {
        guard !hasSentHeaders, let context else { return }
        hasSentHeaders = true
        context.write(wrapOutboundOut(.headers(.init(headers: Self.responseHeaders))), promise: nil)
    }

    private func finish(_ result: Result<ByteBuffer?, RPCStatus>) {
        if case .finished = state { return }
        guard let context else { return }
        var trailers = HPACKHeaders()
        var result = result
        if case .success(let answer?) = result {
            // Until the client has taken it, and the stream is closed.
            do throws(RPCStatus) { try takeRoom(forAnswerOf: answer.readableBytes) } catch { result = .failure(error) }
        }
        switch result {
        case .success(let answer):
            sendHeaders()
            if let answer {
                var framed = context.channel.allocator.buffer(
                    capacity: answer.readableBytes + RPCMessageReader.prefixBytes)
                framed.writeRPCMessage { $0.writeImmutableBuffer(answer) }
                record?.sent(framed.readableBytes)
                context.write(wrapOutboundOut(.data(.init(data: .byteBuffer(framed)))), promise: nil)
            }
            record?.end("OK")
            trailers.add(name: "grpc-status", value: "0")
        case .failure(let status):
            record?.end(status.name)
            if !hasSentHeaders { trailers = Self.responseHeaders }  // Headers and trailers in one block.
            trailers.add(name: "grpc-status", value: String(status.code.rawValue))
            trailers.add(name: "grpc-message", value: status.encodedMessage)
            for trailer in status.trailers { trailers.add(name: trailer.name, value: trailer.value) }
        }
        finish(trailers: trailers)
    }

    private func finish(httpStatus: String) {
        record?.end(httpStatus)
        finish(trailers: [":status": httpStatus])
    }

    private func finish(trailers: HPACKHeaders) {
        guard let context else { return }
        if case .streaming(let requests) = state {
            requests.finish(.failure(RPCStatus(.cancelled, "The call has ended.")))
        }
        state = .finished
        var trailersSent: EventLoopPromise<Void>?
        if !hasClientEnded {
            // Not at once: a reset drops what still waits for the client to have room, and the trailers behind it.
            let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
            let promise = context.eventLoop.makePromise(of: Void.self)
            promise.futureResult.whenSuccess { bound.value.refuseRest() }
            trailersSent = promise
        }
        context.writeAndFlush(
            wrapOutboundOut(.headers(.init(headers: trailers, endStream: true))), promise: trailersSent)
        end()
    }

    /// What the client still sends is not wanted.
    private func refuseRest() {
        guard !hasClientEnded, let context else { return }
        context.writeAndFlush(wrapOutboundOut(.rstStream(.noError)), promise: nil)
    }
}
#endif
