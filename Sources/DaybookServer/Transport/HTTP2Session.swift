#if Server
import CNGHTTP2
import NIOCore

/// The server's side of one connection of HTTP/2, without the connection: what came goes in, and its delegate is told what that
/// means; what is to be sent comes out.
///
/// The protocol is kept by libnghttp2: frames, compressed headers, windows, and what RFC 9113 asks of a request. What breaks it is
/// answered with GOAWAY or a reset, of which the delegate is told. To be used by one thread, and not from within the delegate's
/// methods but for what submits: whatever answers, resets, or gives room.
///
/// See https://www.rfc-editor.org/rfc/rfc9113 and https://nghttp2.org/documentation/
final class HTTP2Session {
    /// No more of the connection can be used.
    struct Failure: Error, CustomStringConvertible {
        let code: Int32

        var description: String { String(cString: nghttp2_strerror(code)) }
    }

    /// What of an answer goes into a frame.
    enum Piece {
        /// Nothing is there to be sent yet; ``resume(_:)`` says when.
        case none
        case bytes(Int)
        /// So many bytes, which are the last.
        case last(Int, trailers: HTTP2Fields)
    }

    /// The eight bytes of a ping.
    typealias PingMark = UInt64

    private var session: OpaquePointer?
    private unowned let delegate: any HTTP2SessionDelegate
    private var isReceiving = false
    /// Why nothing more is taken, as soon as what has come is read.
    private var termination: nghttp2_error_code?

    /// - Parameters:
    ///   - settings: What the client is told at once.
    ///   - window: How much a client may send on all streams before it must wait, in bytes.
    ///   - resets: How many streams a client may reset within half a minute, which the delegate counts.
    init(
        settings: [(nghttp2_settings_id, Int)], window: Int, resets: Int, delegate: any HTTP2SessionDelegate
    ) throws(Failure) {
        self.delegate = delegate
        var options: OpaquePointer?
        try Self.check(nghttp2_option_new(&options))
        defer { nghttp2_option_del(options) }
        nghttp2_option_set_no_auto_window_update(options, 1)
        nghttp2_option_set_no_closed_streams(options, 1)
        // More than the delegate bears: of its own accord the session says INTERNAL_ERROR, and reads on what it has disowned.
        nghttp2_option_set_stream_reset_rate_limit(options, UInt64(2 * resets), UInt64(resets / 30 + 1))
        try Self.check(
            nghttp2_session_server_new2(
                &session, Self.callbacks, Unmanaged.passUnretained(self).toOpaque(), options))
        let entries = settings.map { nghttp2_settings_entry(settings_id: Int32($0.0.rawValue), value: UInt32($0.1)) }
        try Self.check(nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), entries, entries.count))
        try Self.check(
            nghttp2_session_set_local_window_size(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, Int32(window)))
    }

    deinit { nghttp2_session_del(session) }

    private static func check(_ code: Int32) throws(Failure) { if code < 0 { throw Failure(code: code) } }

    // MARK: - Bytes

    func receive(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
        guard bytes.count > 0 else { return }
        isReceiving = true
        let taken = nghttp2_session_mem_recv(
            session, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count)
        isReceiving = false
        if let termination {
            self.termination = nil
            terminate(termination)
        }
        try Self.check(Int32(clamping: taken))
    }

    /// Nothing that comes is looked at any more.
    var isOver: Bool { nghttp2_session_want_read(session) == 0 }

    /// Writes what is to be sent, until that has `limit` bytes or more.
    ///
    /// - Returns: Whether more may be left.
    func write(into buffer: inout ByteBuffer, limit: Int) throws(Failure) -> Bool {
        while buffer.readableBytes < limit {
            var bytes: UnsafePointer<UInt8>?
            let count = nghttp2_session_mem_send(session, &bytes)
            try Self.check(Int32(clamping: count))
            guard count > 0 else { return false }
            buffer.writeBytes(UnsafeRawBufferPointer(start: bytes, count: count))
        }
        return true
    }

    // MARK: - What is to be sent

    /// How many frames wait to be written, but for data.
    var waitingFrames: Int { nghttp2_session_get_outbound_queue_size(session) }

    /// Answers with headers; what follows is asked of the delegate, unless these are all.
    func respond(_ headers: HTTP2Fields, on stream: Int32, isEnd: Bool) {
        var provider = nghttp2_data_provider(source: nghttp2_data_source(fd: 0), read_callback: Self.readPiece)
        headers.withFields { fields in
            if isEnd {
                nghttp2_submit_response(session, stream, fields.baseAddress, fields.count, nil)
            } else {
                nghttp2_submit_response(session, stream, fields.baseAddress, fields.count, &provider)
            }
        }
    }

    /// Ends an answer of which all data has gone: trailers need no room of the client.
    func finish(_ stream: Int32, with trailers: HTTP2Fields) {
        trailers.withFields { _ = nghttp2_submit_trailer(session, stream, $0.baseAddress, $0.count) }
    }

    /// The delegate has something to send where it had nothing.
    func resume(_ stream: Int32) { nghttp2_session_resume_data(session, stream) }

    func reset(_ stream: Int32, _ code: nghttp2_error_code) {
        nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream, code.rawValue)
    }

    func ping(_ mark: PingMark) {
        _ = withUnsafeBytes(of: mark) {
            nghttp2_submit_ping(
                session, UInt8(NGHTTP2_FLAG_NONE.rawValue), $0.baseAddress?.assumingMemoryBound(to: UInt8.self))
        }
    }

    /// Tells the client that the connection will end, and takes calls on until ``end()``.
    func announceEnd() { nghttp2_submit_shutdown_notice(session) }

    /// Takes no more calls; those that have begun go on.
    ///
    /// - Returns: The last of them, as the client is told. Of what it begins behind that, before it knows, the delegate is still
    ///   told; it is closed as soon as the client has been.
    func end() -> Int32 {
        let last = nghttp2_session_get_last_proc_stream_id(session)
        nghttp2_submit_goaway(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue), last, NGHTTP2_NO_ERROR.rawValue, nil, 0)
        return last
    }

    /// Takes nothing more, from within the delegate's methods as soon as these have been told of all that has come: libnghttp2
    /// reads on behind data whose end it was told at, and aborts the process when that breaks the protocol.
    func terminate(_ code: nghttp2_error_code) {
        if isReceiving {
            termination = code
        } else {
            nghttp2_session_terminate_session(session, code.rawValue)
        }
    }

    /// Lets the client send as much more on all streams as has come.
    func giveRoom(_ count: Int) { nghttp2_session_consume_connection(session, count) }

    /// The same on one stream.
    func giveRoom(_ count: Int, on stream: Int32) { nghttp2_session_consume_stream(session, stream, count) }

    // MARK: - Callbacks

    private static func of(_ pointer: UnsafeMutableRawPointer?) -> HTTP2Session {
        Unmanaged<HTTP2Session>.fromOpaque(pointer!).takeUnretainedValue()
    }

    private static let readPiece: nghttp2_data_source_read_callback = { _, stream, buffer, length, flags, _, pointer in
        let session = HTTP2Session.of(pointer)
        switch session.delegate.readPiece(into: UnsafeMutableRawBufferPointer(start: buffer, count: length), on: stream)
        {
        case .none: return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        case .bytes(let count): return count
        case .last(let count, let trailers):
            flags?.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue | NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
            session.finish(stream, with: trailers)
            return count
        }
    }

    /// Never changed once it is made.
    nonisolated(unsafe) private static let callbacks: OpaquePointer? = {
        var callbacks: OpaquePointer?
        nghttp2_session_callbacks_new(&callbacks)
        nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks) { _, head, pointer in
            guard let head, UInt32(head.pointee.type) == NGHTTP2_HEADERS.rawValue else { return 0 }
            HTTP2Session.of(pointer).delegate.headersBegin(on: head.pointee.stream_id)
            return 0
        }
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, frame, pointer in
            guard let frame, frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST else { return 0 }
            HTTP2Session.of(pointer).delegate.requestBegins(on: frame.pointee.hd.stream_id)
            return 0
        }
        nghttp2_session_callbacks_set_on_header_callback(callbacks) {
            _, frame, name, nameLength, value, valueLength, _, pointer in
            guard let frame else { return 0 }
            HTTP2Session.of(pointer).delegate.headerCame(
                name: UnsafeBufferPointer(start: name, count: nameLength),
                value: UnsafeBufferPointer(start: value, count: valueLength), on: frame.pointee.hd.stream_id,
                isOfRequest: frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST)
            return 0
        }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) { _, _, stream, bytes, count, pointer in
            HTTP2Session.of(pointer).delegate.dataCame(UnsafeRawBufferPointer(start: bytes, count: count), on: stream)
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, pointer in
            if let frame { HTTP2Session.of(pointer).received(frame) }
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { _, frame, pointer in
            if let frame { HTTP2Session.of(pointer).sent(frame) }
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks) { _, frame, code, pointer in
            // Of a stream that has been closed meanwhile nothing is owed. Headers that are too long would leave one without end.
            guard let frame, code == NGHTTP2_ERR_FRAME_SIZE_ERROR.rawValue,
                UInt32(frame.pointee.hd.type) == NGHTTP2_HEADERS.rawValue
            else { return 0 }
            HTTP2Session.of(pointer).reset(frame.pointee.hd.stream_id, NGHTTP2_INTERNAL_ERROR)
            return 0
        }
        nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks) { _, _, code, pointer in
            let errors = [NGHTTP2_ERR_HTTP_HEADER, NGHTTP2_ERR_HTTP_MESSAGING]
            if errors.contains(where: { $0.rawValue == code }) {
                HTTP2Session.of(pointer).delegate.malformedRequestCame()
            }
            return 0
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, stream, _, pointer in
            HTTP2Session.of(pointer).delegate.streamClosed(stream)
            return 0
        }
        return callbacks
    }()

    private func received(_ frame: UnsafePointer<nghttp2_frame>) {
        let head = frame.pointee.hd
        let isEnd = head.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
        switch nghttp2_frame_type(UInt32(head.type)) {
        case NGHTTP2_HEADERS:
            if frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST { delegate.headersEnd(on: head.stream_id) }
            if isEnd { delegate.requestEnds(on: head.stream_id) }
        case NGHTTP2_DATA:
            if isEnd { delegate.requestEnds(on: head.stream_id) } else if head.length == 0 { delegate.emptyDataCame() }
        case NGHTTP2_PING:
            if head.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0 {
                let bytes = frame.pointee.ping.opaque_data
                delegate.pingAnswered(withUnsafeBytes(of: bytes) { $0.loadUnaligned(as: PingMark.self) })
            }
            delegate.controlFrameCame()
        case NGHTTP2_SETTINGS, NGHTTP2_PRIORITY:
            delegate.controlFrameCame()
        case NGHTTP2_RST_STREAM:
            delegate.streamWasReset()
        case NGHTTP2_GOAWAY:
            delegate.clientEnds()
        default:
            break
        }
    }

    private func sent(_ frame: UnsafePointer<nghttp2_frame>) {
        let head = frame.pointee.hd
        switch nghttp2_frame_type(UInt32(head.type)) {
        case NGHTTP2_HEADERS:
            if head.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 { delegate.answerEnded(on: head.stream_id) }
        case NGHTTP2_RST_STREAM:
            if frame.pointee.rst_stream.error_code != NGHTTP2_NO_ERROR.rawValue { delegate.streamWasReset() }
        case NGHTTP2_GOAWAY:
            if frame.pointee.goaway.error_code != NGHTTP2_NO_ERROR.rawValue {
                delegate.protocolBroken(frame.pointee.goaway.error_code)
            }
        default:
            break
        }
    }
}
#endif
