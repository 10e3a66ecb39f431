#if Server
import DaybookCore
import Hummingbird
import NIOCore

/// Some consecutive events, and where to go on.
struct HTTPEventPage<Cursor: Sendable>: Sendable {
    let events: [RecordedEvent]
    /// Nil at the end.
    let next: Cursor?

    /// The events as an array of JSON, behind what stands there.
    func appendJSON(to bytes: inout [UInt8]) {
        bytes.reserveCapacity(bytes.count + events.reduce(0) { $0 + EventLine.size(of: $1) + 1 })
        bytes.append(UInt8(ascii: "["))
        for (index, event) in events.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            EventLine.append(event, to: &bytes)
        }
        bytes.append(UInt8(ascii: "]"))
    }

    /// All events from these on, a line each, page by page as the client takes them.
    ///
    /// An answer that cannot go on is broken off, so that a client sees that it is not whole.
    func lines(
        limit: Int64?, shutdown: HTTPShutdown,
        read: @escaping @Sendable (Cursor) async throws -> HTTPEventPage
    ) -> Response {
        Response(
            status: .ok, headers: [.contentType: HTTPEventForm.lines.rawValue],
            body: ResponseBody { writer in
                var page = self
                var rest = limit ?? .max
                while true {
                    let events = page.events.prefix(Int(clamping: rest))
                    rest -= Int64(events.count)
                    if !events.isEmpty { try await writer.write(Self.lines(of: events)) }
                    guard rest > 0, let next = page.next else { break }
                    if shutdown.hasBegun { throw HTTPProblem.shuttingDown }
                    page = try await read(next)
                }
                try await writer.finish(nil)
            })
    }

    private static func lines(of events: some Collection<RecordedEvent>) -> ByteBuffer {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(events.reduce(0) { $0 + EventLine.size(of: $1) + 1 })
        for event in events {
            EventLine.append(event, to: &bytes)
            bytes.append(UInt8(ascii: "\n"))
        }
        return ByteBuffer(bytes: bytes)
    }
}
#endif
