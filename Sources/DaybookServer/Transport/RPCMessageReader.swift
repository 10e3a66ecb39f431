#if Server
import NIOCore

/// Cuts what comes on a stream into messages: a byte that tells of compression, four that tell the length, the message.
///
/// See https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests
struct RPCMessageReader {
    /// The longest message that is taken, in bytes.
    let limit: Int
    private var buffer = ByteBuffer()

    init(limit: Int) { self.limit = limit }

    static let prefixBytes = 5

    mutating func append(_ bytes: ByteBuffer) {
        if buffer.readableBytes == 0 {
            // A few bytes of what was received at once would keep all of it in memory.
            buffer = bytes.storageCapacity / 4 > bytes.readableBytes ? ByteBuffer(buffer: bytes) : bytes
        } else {
            // Of a stream that is never cut between two messages all would be kept for ever.
            buffer.discardReadBytes()
            buffer.writeImmutableBuffer(bytes)
        }
    }

    /// Whether a part of a message is there of which the rest has not come.
    var hasPartialMessage: Bool { buffer.readableBytes > 0 }

    /// How much memory what has come of it takes.
    var bytesHeld: Int { buffer.storageCapacity }

    /// The next message, or nil when the rest of it has not come.
    mutating func next() throws(RPCStatus) -> ByteBuffer? {
        guard let compression = buffer.getInteger(at: buffer.readerIndex, as: UInt8.self),
            let length = buffer.getInteger(at: buffer.readerIndex + 1, as: UInt32.self)
        else { return nil }
        guard compression == 0 else {
            throw RPCStatus(.unimplemented, "The message is compressed: send it with grpc-encoding identity.")
        }
        guard length <= limit else {
            throw RPCStatus(
                .resourceExhausted, "The message has \(length) bytes; the limit is \(limit): send less at once.")
        }
        guard buffer.readableBytes >= Self.prefixBytes + Int(length) else { return nil }
        buffer.moveReaderIndex(forwardBy: Self.prefixBytes)
        let message = buffer.readSlice(length: Int(length))
        if buffer.readableBytes == 0 { buffer = ByteBuffer() }  // Else its memory is kept as long as the call.
        return message
    }
}

extension ByteBuffer {
    /// Writes a message behind the five bytes that stand in front of one.
    mutating func writeRPCMessage(_ write: (inout ByteBuffer) -> Void) {
        writeInteger(0 as UInt8)
        let place = writerIndex
        writeInteger(0 as UInt32)
        let start = writerIndex
        write(&self)
        setInteger(UInt32(writerIndex - start), at: place)
    }
}
#endif
