#if Server
import DaybookCore
import NIOCore

/// Pieces of an event stream, of which each ends with an empty line.
///
/// See https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
struct ServerSentEvents: Sendable {
    static let mediaType = "text/event-stream"

    private(set) var bytes: [UInt8] = []

    var isEmpty: Bool { bytes.isEmpty }
    var buffer: ByteBuffer { ByteBuffer(bytes: bytes) }

    /// An event of the log: its position is the identifier, from which a client goes on; the data is one line of JSON.
    mutating func add(_ event: RecordedEvent) {
        bytes.reserveCapacity(bytes.count + EventLine.size(of: event) + 64)
        addIdentifier(event.position)
        bytes += "event: ".utf8
        bytes += event.type.rawValue.utf8  // A name has no end of a line.
        bytes += "\ndata: ".utf8
        EventLine.append(event, to: &bytes)
        bytes += "\n\n".utf8
    }

    /// Everything that was recorded has been sent. Types of applications do not begin so.
    mutating func addCaughtUp(_ position: Position) {
        addIdentifier(position)
        bytes += "event: $caught-up\ndata: {\"position\":\(position.rawValue)}\n\n".utf8
    }

    /// Nothing up to here is for the client, who goes on from here: no event is dispatched, but the identifier kept.
    mutating func addCheckpoint(_ position: Position) {
        addIdentifier(position)
        bytes.append(UInt8(ascii: "\n"))
    }

    /// A sign of life: a comment.
    mutating func addHeartbeat() { bytes += ":\n\n".utf8 }

    private mutating func addIdentifier(_ position: Position) {
        bytes += "id: ".utf8
        bytes += String(position.rawValue).utf8
        bytes.append(UInt8(ascii: "\n"))
    }
}
#endif
