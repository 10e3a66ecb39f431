/// A fact to be recorded: an event before the store gives it its place.
public struct NewEvent: Sendable, Hashable {
    /// Makes a retry recognisable: the store never records an identifier twice at the same place of a stream.
    public var id: EventID
    public var type: EventType
    /// The version of the data's shape, from 1; see schema evolution.
    public var schemaVersion: UInt32
    public var contentType: ContentType
    /// The payload, stored and returned byte for byte.
    public var data: [UInt8]
    /// A JSON object, by convention with the keys of ``EventMetadata``; stored and returned byte for byte.
    public var metadata: [UInt8]
    /// At most ``Limits/tagsPerEvent``; a tag named twice counts once.
    public var tags: [Tag]

    public init(
        id: EventID = EventID(), type: EventType, schemaVersion: UInt32 = 1, contentType: ContentType = .json,
        data: [UInt8], metadata: [UInt8] = [], tags: [Tag] = []
    ) {
        self.id = id
        self.type = type
        self.schemaVersion = schemaVersion
        self.contentType = contentType
        self.data = data
        self.metadata = metadata
        self.tags = tags
    }

    /// An event with standard metadata.
    public init(
        id: EventID = EventID(), type: EventType, schemaVersion: UInt32 = 1, contentType: ContentType = .json,
        data: [UInt8], metadata: EventMetadata, tags: [Tag] = []
    ) {
        self.init(
            id: id, type: type, schemaVersion: schemaVersion, contentType: contentType, data: data,
            metadata: metadata.encoded(), tags: tags)
    }
}

extension NewEvent {
    /// The tags in their order, without those that were named before.
    package var distinctTags: [Tag] {
        guard tags.count > 1 else { return tags }
        var distinct: [Tag] = []
        for tag in tags where !distinct.contains(tag) { distinct.append(tag) }
        return distinct
    }
}
