#if Server
import NIOCore

/// What waits on a call until the client, and its connection, have room for it.
struct RPCOutgoing {
    private var pieces = CircularBuffer<ByteBuffer>()
    /// What waits, in bytes.
    private(set) var count = 0
    /// Sent behind the pieces; nothing comes after it.
    var trailers: HTTP2Fields?

    mutating func append(_ piece: ByteBuffer) {
        guard piece.readableBytes > 0 else { return }
        count += piece.readableBytes
        pieces.append(piece)
    }

    /// Moves as much as there is and fits.
    ///
    /// - Returns: How many bytes that was.
    mutating func move(into room: UnsafeMutableRawBufferPointer) -> Int {
        var moved = 0
        while moved < room.count, let length = pieces.first?.readableBytes {
            let part = min(length, room.count - moved)
            pieces[pieces.startIndex].readWithUnsafeReadableBytes { bytes in
                UnsafeMutableRawBufferPointer(rebasing: room[moved...]).copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: bytes.prefix(part)))
                return part
            }
            if part == length { pieces.removeFirst() }
            moved += part
        }
        count -= moved
        return moved
    }

    mutating func removeAll() {
        pieces.removeAll()
        count = 0
    }
}
#endif
