import DaybookCore

extension NewEvent {
    /// The keys of ``EventMetadata/additional`` under which a received event's attributes stand.
    public enum ReceivedKey {
        public static let source = "cloudEventSource"
        public static let id = "cloudEventId"
        public static let subject = "cloudEventSubject"
    }

    /// What another system said, as a fact to be recorded: its type, its data byte for byte, and in the metadata where it
    /// comes from and when it happened there.
    ///
    /// The schema version is that of the extension `schemaversion`, 1 without one. The identifier is a new one: the other
    /// system's may be no UUID, or one that the log has.
    public init(received event: CloudEvent, tags: [Tag] = []) {
        var additional = [ReceivedKey.source: event.source, ReceivedKey.id: event.id]
        additional[ReceivedKey.subject] = event.subject
        self.init(
            type: event.type, schemaVersion: event.extensions["schemaversion"].flatMap { UInt32($0) } ?? 1,
            contentType: event.contentType, data: event.data,
            metadata: EventMetadata(
                causationID: event.id, traceParent: event.extensions["traceparent"], occurredAt: event.time,
                additional: additional),
            tags: tags)
    }
}
