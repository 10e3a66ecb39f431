import DaybookCore

extension RecordedEvent {
    /// The event with another byte behind its data, as no store was ever given it.
    var forged: RecordedEvent {
        RecordedEvent(
            id: id, type: type, schemaVersion: schemaVersion, contentType: contentType, data: (Array(data) + [0])[...],
            metadata: metadata, tags: tags, stream: stream, version: version, position: position,
            recordedAt: recordedAt)
    }
}
