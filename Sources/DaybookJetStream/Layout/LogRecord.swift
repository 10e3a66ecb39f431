#if JetStream
import DaybookCore

/// What a message of the log holds.
struct LogRecord: Sendable {
    enum Kind: UInt8 {
        case event = 0
        /// A setting or deletion of the stream.
        case control = 1
        /// Says which events of its append have a tag.
        case tag = 2
        case receipt = 3
        case filler = 4
        /// Says when the last event was recorded of those that were imported with it.
        case imported = 5
    }

    /// The messages of one append stand side by side; this is one message's place among them.
    struct Place: Sendable {
        var kind: Kind
        /// How many stand before it.
        var index: Int64
        /// How many stand behind it.
        var remaining: Int64
        /// The same for all messages of one append, and for none of another.
        var append: UInt64
    }

    static let format: UInt8 = 1
    /// Of an event that another store recorded first: the time of that stands behind the place.
    static let importedFormat: UInt8 = 2

    /// What each message on a stream's subject says of the stream, itself included.
    struct StreamPart: Sendable {
        /// How many events the stream has.
        var eventCount: Int64
        /// The sequence of its last event; 0 for none.
        var lastEvent: Int64
        var lastEventID: EventID
        /// The sequence of its first event; 0 for none.
        var firstEvent: Int64
        var controlCount: Int64
        /// The sequence of its last control event; 0 for none.
        var lastControl: Int64
        /// Of a control event: the sequence of the one before; 0 for none.
        var previousControl: Int64
    }

    struct EventPart: Sendable {
        var id: EventID
        var type: EventType
        var schemaVersion: UInt32
        var contentType: ContentType
        var tags: [Tag]
        var metadata: ArraySlice<UInt8>
        var data: ArraySlice<UInt8>
    }

    var sequence: Int64
    /// When the leader took the message.
    var time: Timestamp
    /// When another store recorded the event, if it was imported.
    var importedTime: Timestamp?
    var place: Place
    var stream: StreamPart
    var event: EventPart

    var isControl: Bool { place.kind == .control }
    /// The sequence of the last message of the append, whose time is that of all its events.
    var end: Int64 { sequence + place.remaining }
    var begin: Int64 { sequence - place.index }
}

extension LogRecord {
    static func place(_ reader: inout RecordReader) throws(RecordReader.Damage) -> Place {
        guard (format...importedFormat).contains(try reader.byte()), let kind = Kind(rawValue: try reader.byte()) else {
            throw RecordReader.Damage()
        }
        return Place(
            kind: kind, index: try reader.count(), remaining: try reader.count(), append: try reader.fixed())
    }

    /// Reads an event or control event.
    init(_ message: StoredMessage) throws(RecordReader.Damage) {
        var reader = RecordReader(message.body)
        let sequence = message.sequence
        let place = try Self.place(&reader)
        self.sequence = sequence
        self.place = place
        time = message.time
        if message.body[0] == Self.importedFormat {
            importedTime = Timestamp(microseconds: Int64(bitPattern: try reader.fixed()))
        }
        let eventCount = try reader.count()
        let firstEvent = try reader.count()
        let controlCount = try reader.count()
        // Each event has a sequence of its own, and no message names one behind it.
        guard eventCount <= sequence, firstEvent <= sequence else { throw RecordReader.Damage() }
        switch place.kind {
        case .event:
            let lastControl = try reader.count(below: sequence)
            guard eventCount > 0 else { throw RecordReader.Damage() }
            let id = try reader.id()
            stream = StreamPart(
                eventCount: eventCount, lastEvent: sequence, lastEventID: id,
                firstEvent: firstEvent == 0 ? sequence - eventCount + 1 : firstEvent, controlCount: controlCount,
                lastControl: lastControl, previousControl: lastControl)
            event = try Self.event(id, &reader)
        case .control:
            let previousControl = try reader.count(below: sequence)
            let lastEvent = try reader.count(below: sequence)
            guard controlCount > 0 else { throw RecordReader.Damage() }
            let lastID = try reader.id()
            let id = try reader.id()
            stream = StreamPart(
                eventCount: eventCount, lastEvent: lastEvent, lastEventID: lastID, firstEvent: firstEvent,
                controlCount: controlCount, lastControl: sequence, previousControl: previousControl)
            event = try Self.event(id, &reader)
        case .tag, .receipt, .filler, .imported: throw RecordReader.Damage()
        }
    }

    private static func event(
        _ id: EventID, _ reader: inout RecordReader
    ) throws(RecordReader.Damage) -> EventPart {
        let schemaVersion = UInt32(truncatingIfNeeded: try reader.number())
        let contentType: ContentType
        switch try reader.byte() {
        case 0: contentType = ContentType(unchecked: try reader.text())
        case 1: contentType = .json
        case 2: contentType = .bytes
        default: throw RecordReader.Damage()
        }
        let type = EventType(unchecked: try reader.text())
        let count = try reader.number()
        guard (0...Int64(Limits.tagsPerEvent)).contains(count) else { throw RecordReader.Damage() }
        var tags: [Tag] = []
        for _ in 0..<count { tags.append(Tag(unchecked: try reader.text())) }
        let metadata = try reader.data()
        return EventPart(
            id: id, type: type, schemaVersion: schemaVersion, contentType: contentType, tags: tags, metadata: metadata,
            data: reader.rest())
    }

    private static func writer(_ place: Place, reserving count: Int, isImported: Bool = false) -> RecordWriter {
        var writer = RecordWriter(reserving: count)
        writer.add(isImported ? importedFormat : format)
        writer.add(place.kind.rawValue)
        writer.add(place.index)
        writer.add(place.remaining)
        writer.add(fixed: place.append)
        return writer
    }

    /// The bytes of an event or control event. `stream.firstEvent` is 0 when the first event is of this same append.
    ///
    /// - Parameter importedTime: When another store recorded it first.
    static func encode(
        _ event: NewEvent, place: Place, stream: StreamPart, importedTime: Timestamp? = nil
    ) -> [UInt8] {
        var writer = writer(
            place, reserving: event.data.count + event.metadata.count + 160, isImported: importedTime != nil)
        if let importedTime { writer.add(fixed: UInt64(bitPattern: importedTime.microseconds)) }
        writer.add(stream.eventCount)
        writer.add(stream.firstEvent)
        writer.add(stream.controlCount)
        writer.add(stream.previousControl)
        if place.kind == .control {
            writer.add(stream.lastEvent)
            writer.add(stream.lastEventID)
        }
        writer.add(event.id)
        writer.add(Int64(event.schemaVersion))
        switch event.contentType {
        case .json: writer.add(1 as UInt8)
        case .bytes: writer.add(2 as UInt8)
        default:
            writer.add(0 as UInt8)
            writer.add(event.contentType.rawValue)
        }
        writer.add(event.type.rawValue)
        let tags = event.distinctTags
        writer.add(Int64(tags.count))
        for tag in tags { writer.add(tag.rawValue) }
        writer.add(event.metadata)
        writer.addRest(event.data)
        return writer.bytes
    }

    static func encodeFiller(place: Place) -> [UInt8] { writer(place, reserving: 16).bytes }

    /// Says when the last of some imported events was recorded, which stand behind it.
    static func encodeImported(_ time: Timestamp, place: Place) -> [UInt8] {
        var writer = writer(place, reserving: 24)
        writer.add(fixed: UInt64(bitPattern: time.microseconds))
        return writer.bytes
    }

    /// A marker of a tag.
    ///
    /// - Parameter distances: How far behind the marker each event of the tag stands.
    static func encodeTag(_ distances: [Int64], place: Place) -> [UInt8] {
        var writer = writer(place, reserving: 20 + distances.count * 2)
        writer.add(Int64(distances.count))
        for distance in distances { writer.add(distance) }
        return writer.bytes
    }

    /// The positions of the events that a tag's marker names.
    static func positions(ofTag message: StoredMessage) throws(RecordReader.Damage) -> [Int64] {
        var reader = RecordReader(message.body)
        guard try place(&reader).kind == .tag else { throw RecordReader.Damage() }
        let count = try reader.number()
        guard (0...Int64(Limits.eventsPerAppend)).contains(count) else { throw RecordReader.Damage() }
        var positions: [Int64] = []
        for _ in 0..<count { positions.append(message.sequence + (try reader.count())) }
        return positions
    }
}
#endif
