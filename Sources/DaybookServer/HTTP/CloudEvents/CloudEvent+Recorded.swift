#if Server
import Daybook
import DaybookCore

extension CloudEvent {
    /// A recorded event as it stands in the log: in the version in which it was recorded, and with its place.
    init(_ event: RecordedEvent, source: String) {
        self.init(
            id: event.id.description, source: source, type: event.type, subject: event.stream.rawValue,
            time: event.recordedAt, contentType: event.contentType, data: Array(event.data),
            extensions: [
                "partitionkey": event.stream.rawValue, "position": event.position.description,
                "streamversion": event.version.description, "schemaversion": String(event.schemaVersion),
            ])
    }
}
#endif
