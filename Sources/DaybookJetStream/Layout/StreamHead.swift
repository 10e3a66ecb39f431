#if JetStream
import DaybookCore

/// What the last message on a stream's subject tells of the stream.
struct StreamHead: Sendable {
    /// The sequence of that message; 0 when there is none.
    var sequence: Int64 = 0
    var part = LogRecord.StreamPart(
        eventCount: 0, lastEvent: 0, lastEventID: EventID(high: 0, low: 0), firstEvent: 0, controlCount: 0,
        lastControl: 0, previousControl: 0)
    var control = StreamControl()

    static let none = StreamHead()

    var lastVersion: StreamVersion? { part.eventCount == 0 ? nil : StreamVersion(part.eventCount - 1) }

    var state: StreamState { control.state(lastVersion: lastVersion) }

    /// The state of the stream's control stream.
    var controlStreamState: StreamState {
        StreamControl().state(lastVersion: part.controlCount == 0 ? nil : StreamVersion(part.controlCount - 1))
    }
}
#endif
