import DaybookCore

/// A domain event as bytes: what a codec makes of it, before it has an identifier and metadata.
public struct EncodedEvent: Sendable, Hashable {
    public var type: EventType
    /// The version of the data's shape, from 1.
    public var schemaVersion: UInt32
    public var contentType: ContentType
    public var data: [UInt8]

    public init(type: EventType, schemaVersion: UInt32 = 1, contentType: ContentType = .json, data: [UInt8]) {
        self.type = type
        self.schemaVersion = schemaVersion
        self.contentType = contentType
        self.data = data
    }
}

extension NewEvent {
    /// An event as a codec has written it.
    public init(_ encoded: EncodedEvent, metadata: [UInt8] = [], tags: [Tag] = []) {
        self.init(
            type: encoded.type, schemaVersion: encoded.schemaVersion, contentType: encoded.contentType,
            data: encoded.data, metadata: metadata, tags: tags)
    }
}
