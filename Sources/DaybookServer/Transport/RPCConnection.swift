#if Server
import CNGHTTP2
import Logging
import NIOCore

/// A connection that speaks HTTP/2: its calls, what it may take of the server, and how it ends.
///
/// It is closed when its client does not keep to the protocol, or does too much of something that costs it nothing: floods, rapid
/// resets, headers without an end. Also when nothing has been heard for long, though the client was pinged: that of a program
/// that hangs, or was suspended.
final class RPCConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What goes out in one piece.
    private static let pieceBytes = 64 << 10
    /// Of a client that is asked whether it has heard that the connection ends.
    private static let endMark: HTTP2Session.PingMark = 1
    private static let lifeMark: HTTP2Session.PingMark = 2

    let services: RPCServices
    let peer: RPCPeer
    let memory: RPCMemory
    private var context: ChannelHandlerContext?
    private var session: HTTP2Session?
    private var calls: [Int32: RPCCall] = [:]
    private var lastStream: Int32 = 0
    /// The headers that are coming.
    private var headers = RPCHeaders()
    private var headerBytes = 0
    private var controlFrames: EventRate
    private var resets: EventRate
    private var emptyDataFrames = 0
    private var strayFrames = 0
    private var strayEnd: Scheduled<Void>?
    private var isReading = false
    private var isSending = false
    private var sendsSoon = false
    /// Nothing more is taken of the client, and the connection is closed as soon as it has been told.
    private var isBroken = false
    private var isClosing = false
    private var out = ByteBuffer()
    private var lastHeard = NIODeadline.now()
    private var lifeCheck: Scheduled<Void>?

    private enum End {
        case open
        /// The client has been told, and asked to say that it knows.
        case announced
        /// No more calls are taken.
        case final
    }
    private var end = End.open
    /// The last stream that the client is told has been taken. Nothing is done of those behind it: the client may begin them anew
    /// elsewhere, and what they write would be written twice.
    private var lastTaken = Int32.max

    init(services: RPCServices, peer: RPCPeer, memory: RPCMemory) {
        self.services = services
        self.peer = peer
        self.memory = memory
        controlFrames = EventRate(limit: services.limits.controlFrames)
        resets = EventRate(limit: services.limits.resets)
    }

    // MARK: - The channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        let limits = services.limits
        do throws(HTTP2Session.Failure) {
            session = try HTTP2Session(
                settings: [
                    (NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.callsPerConnection),
                    (NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.headerBytes),
                    (NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.streamWindowBytes),
                    (NGHTTP2_SETTINGS_MAX_FRAME_SIZE, 1 << 16),
                ], window: limits.connectionWindowBytes, resets: limits.resets, delegate: self)
        } catch {
            close(because: "\(error)")
        }
        checkLife(at: lastHeard + limits.silentTime)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        lifeCheck?.cancel()
        strayEnd?.cancel()
        abandonCalls()
        session = nil
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let session, !isBroken else { return }
        lastHeard = .now()
        isReading = true
        do throws(HTTP2Session.Failure) {
            let bytes = unwrapInboundIn(data)
            try bytes.withUnsafeReadableBytes { bytes throws(HTTP2Session.Failure) in try session.receive(bytes) }
        } catch {
            return close(because: "\(error)")
        }
        let limits = services.limits
        if session.waitingFrames > limits.waitingFrames + RPCLimits.framesPerCall * limits.callsPerConnection {
            close(because: "The client takes nothing of what it causes.")
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        send()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) { if context.channel.isWritable { send() } }

    func channelInactive(context: ChannelHandlerContext) {
        abandonCalls()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { close(because: "\(error)") }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent { announceEnd() }
        context.fireUserInboundEventTriggered(event)
    }

    // MARK: - What is sent

    /// Sends when the loop has run what is ready: what follows at once, often the end of the call, goes out with it.
    private func sendSoon() {
        guard !sendsSoon, !isReading, let context else { return }
        sendsSoon = true
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.eventLoop.execute {
            bound.value.sendsSoon = false
            bound.value.send()
        }
    }

    /// Sends what there is, and closes the connection when that was all of it.
    private func send() {
        guard !isSending else { return }
        isSending = true
        sendWhatIsTaken()
        isSending = false
        closeIfDone()
    }

    /// As much as the client takes. Of one that takes nothing, the rest waits where it is counted.
    private func sendWhatIsTaken() {
        guard let context, let session else { return }
        var isMore = true
        while isMore, context.channel.isWritable {
            out.clear()
            do throws(HTTP2Session.Failure) {
                isMore = try session.write(into: &out, limit: Self.pieceBytes)
            } catch {
                return close(because: "\(error)")
            }
            guard out.readableBytes > 0 else { break }
            context.writeAndFlush(wrapOutboundOut(out), promise: nil)
        }
        if out.capacity > 4_096 { out = ByteBuffer() }  // What is large is not kept by connections that wait.
    }

    // MARK: - How it ends

    private func abandonCalls() {
        let open = calls.values
        calls = [:]
        for call in open { call.closed() }
    }

    private func close() {
        isBroken = true
        context?.close(promise: nil)
    }

    private func close(because reason: @autoclosure () -> String) {
        // Not at a level at which somebody could fill the log.
        services.logger.debug("A connection was closed.", metadata: ["reason": "\(reason())"])
        close()
    }

    /// Nothing more is taken of the client; it is told why, and the connection closed.
    private func refuse(_ code: nghttp2_error_code) {
        guard !isBroken else { return }
        isBroken = true
        session?.terminate(code)
        sendSoon()
    }

    private func announceEnd() {
        guard case .open = end else { return }
        end = .announced
        session?.announceEnd()
        session?.ping(Self.endMark)
        sendSoon()
    }

    /// Takes no more calls; those that have begun go on.
    private func takeNoMore() {
        guard let session else { return }
        end = .final
        lastTaken = min(lastTaken, session.end())
    }

    private func closeIfDone() {
        // Of a client that takes nothing, the end is not waited for until it has taken the reason.
        if case .open = end, let session, session.isOver { isBroken = true }
        if isBroken { return close() }
        guard case .final = end, calls.isEmpty, !isClosing, let context else { return }
        isClosing = true
        // Behind what waits to be sent.
        context.writeAndFlush(wrapOutboundOut(ByteBuffer())).assumeIsolated().whenComplete { [self] _ in close() }
    }

    /// Pings a client of which nothing has been heard for a time, and closes the connection when it does not answer.
    private func checkLife(at time: NIODeadline, sinceHeard heard: NIODeadline? = nil) {
        guard let context else { return }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        lifeCheck = context.eventLoop.scheduleTask(deadline: time) {
            let connection = bound.value
            let limits = connection.services.limits
            if connection.lastHeard == heard { return connection.close(because: "The client answers no ping.") }
            let next = connection.lastHeard + limits.silentTime
            guard next <= .now() else { return connection.checkLife(at: next) }
            connection.session?.ping(Self.lifeMark)
            connection.sendSoon()
            connection.checkLife(at: .now() + limits.answerTime, sinceHeard: connection.lastHeard)
        }
    }
}

// MARK: - What calls do

extension RPCConnection {
    func respond(_ headers: HTTP2Fields, on stream: Int32, isEnd: Bool = false) {
        session?.respond(headers, on: stream, isEnd: isEnd)
        sendSoon()
    }

    /// There is something to send where there was nothing.
    func resume(_ stream: Int32) {
        session?.resume(stream)
        sendSoon()
    }

    /// All data of the answer has gone.
    func finish(_ stream: Int32, with trailers: HTTP2Fields) {
        session?.finish(stream, with: trailers)
        sendSoon()
    }

    func giveRoom(_ count: Int, on stream: Int32) {
        session?.giveRoom(count, on: stream)
        sendSoon()
    }
}

// MARK: - What comes

extension RPCConnection: HTTP2SessionDelegate {
    func headersBegin(on stream: Int32) {
        headers = RPCHeaders()
        headerBytes = 0
        if stream > lastStream {
            lastStream = stream
        } else if calls[stream] == nil, stream <= lastTaken {
            // Perhaps the server has ended the call only just now. What is open may go on for a time.
            strayFrames += 1
            guard strayFrames <= services.limits.strayFrames else { return refuse(NGHTTP2_ENHANCE_YOUR_CALM) }
            guard strayEnd == nil, let context else { return }
            let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
            takeNoMore()
            strayEnd = context.eventLoop.scheduleTask(in: services.limits.graceTime) {
                bound.value.close(because: "The client names calls that are not there.")
            }
        }
    }

    func requestBegins(on stream: Int32) {
        guard let context, !isBroken, stream <= lastTaken else { return }
        calls[stream] = RPCCall(on: stream, of: self, loop: context.eventLoop)
    }

    func headerCame(
        name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>, on stream: Int32, isOfRequest: Bool
    ) {
        headerBytes += name.count + value.count + RPCLimits.headerOverhead
        guard headerBytes <= services.limits.headerBytes else { return refuse(NGHTTP2_ENHANCE_YOUR_CALM) }
        if isOfRequest { headers.append(name: name, value: value) }
    }

    func headersEnd(on stream: Int32) {
        guard !isBroken else { return }
        calls[stream]?.begin(headers)
        headers = RPCHeaders()
    }

    func dataCame(_ bytes: UnsafeRawBufferPointer, on stream: Int32) {
        emptyDataFrames = 0
        session?.giveRoom(bytes.count)
        guard !isBroken else { return }
        if calls[stream]?.take(bytes) ?? true { session?.giveRoom(bytes.count, on: stream) }
    }

    func requestEnds(on stream: Int32) {
        guard !isBroken else { return }
        calls[stream]?.clientEnded()
    }

    func readPiece(into room: UnsafeMutableRawBufferPointer, on stream: Int32) -> HTTP2Session.Piece {
        calls[stream]?.readPiece(into: room) ?? .none
    }

    func answerEnded(on stream: Int32) {
        // What the client still sends is not wanted. It comes behind the answer, which a reset before it would drop.
        if let call = calls[stream], !call.hasClientEnded { session?.reset(stream, NGHTTP2_NO_ERROR) }
    }

    func streamClosed(_ stream: Int32) { calls.removeValue(forKey: stream)?.closed() }

    func malformedRequestCame() {
        // Its call is reset. The others may end by themselves.
        if !isBroken { takeNoMore() }
    }

    func emptyDataCame() {
        emptyDataFrames += 1
        if emptyDataFrames > services.limits.strayFrames { refuse(NGHTTP2_ENHANCE_YOUR_CALM) }
    }

    func controlFrameCame() {
        if !controlFrames.count(at: lastHeard) { refuse(NGHTTP2_ENHANCE_YOUR_CALM) }
    }

    func pingAnswered(_ mark: HTTP2Session.PingMark) {
        guard mark == Self.endMark, case .announced = end else { return }
        takeNoMore()
    }

    func streamWasReset() {
        if !resets.count(at: lastHeard) { refuse(NGHTTP2_ENHANCE_YOUR_CALM) }
    }

    func clientEnds() { end = .final }

    func protocolBroken(_ code: UInt32) {
        guard !isBroken else { return }
        isBroken = true
        services.logger.debug("A client does not keep to its protocol.", metadata: ["code": "\(code)"])
    }
}
#endif
