#if Server
/// What an ``HTTP2Session`` tells of its connection.
protocol HTTP2SessionDelegate: AnyObject {
    /// Headers begin, of a request or behind its data, perhaps of a stream that is not there.
    func headersBegin(on stream: Int32)
    /// A stream begins.
    func requestBegins(on stream: Int32)
    /// The bytes are good for the time of the call.
    func headerCame(
        name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>, on stream: Int32, isOfRequest: Bool)
    /// The request's headers are there.
    func headersEnd(on stream: Int32)
    /// The bytes are good for the time of the call.
    func dataCame(_ bytes: UnsafeRawBufferPointer, on stream: Int32)
    /// The client sends nothing more on the stream.
    func requestEnds(on stream: Int32)

    /// Moves what is to be sent on a stream.
    func readPiece(into room: UnsafeMutableRawBufferPointer, on stream: Int32) -> HTTP2Session.Piece
    /// The server sends nothing more on the stream.
    func answerEnded(on stream: Int32)
    /// The stream has ended on both sides, or was reset.
    func streamClosed(_ stream: Int32)

    /// Headers that are none of HTTP, or a body that has not the length that they tell.
    func malformedRequestCame()
    /// Data without bytes, and not the last.
    func emptyDataCame()
    /// A ping, settings, or a priority.
    func controlFrameCame()
    func pingAnswered(_ mark: HTTP2Session.PingMark)
    /// A stream was reset, by the client or for what it did.
    func streamWasReset()
    /// The client begins no more calls.
    func clientEnds()
    /// The client has been told that it does not keep to the protocol, and that the connection ends.
    func protocolBroken(_ code: UInt32)
}
#endif
