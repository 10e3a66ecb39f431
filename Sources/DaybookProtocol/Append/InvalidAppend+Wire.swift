import DaybookCore

extension InvalidAppend: WireMessage {
    package func write(to writer: inout WireWriter) {
        writer.number(1, rule)
        switch self {
        case .empty, .emptyCondition: break
        case .noEvents(let stream), .repeatedStream(let stream): writer.text(2, stream.rawValue)
        case .name(let name): writer.message(3, name)
        case .tooManyEvents(let count), .tooManyStreams(let count), .requestTooLarge(let count):
            writer.number(4, Int64(count))
        case .eventTooLarge(let id, let count), .tooManyTags(let id, let count):
            writer.number(4, Int64(count))
            writer.message(5, id)
        case .metadataTooLarge(let stream, let bytes):
            writer.text(2, stream.rawValue)
            writer.number(4, Int64(bytes))
        case .repeatedEventID(let id): writer.message(5, id)
        case .queryTooLarge(let items, let terms):
            writer.number(4, Int64(items))
            writer.number(6, Int64(terms))
        case .conditionBeyondHead(let after, let head):
            writer.number(7, after.rawValue)
            writer.number(8, head.rawValue)
        case .retention(let retention): writer.message(9, retention)
        }
    }

    private var rule: Int64 {
        switch self {
        case .empty: 1
        case .noEvents: 2
        case .repeatedStream: 3
        case .name: 4
        case .tooManyEvents: 5
        case .tooManyStreams: 6
        case .eventTooLarge: 7
        case .metadataTooLarge: 8
        case .requestTooLarge: 9
        case .tooManyTags: 10
        case .repeatedEventID: 11
        case .queryTooLarge: 12
        case .emptyCondition: 13
        case .conditionBeyondHead: 14
        case .retention: 15
        }
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        var rule: Int64 = 0
        var stream = StreamName(unchecked: "")
        var name = InvalidName(kind: "", text: "", reason: .controlCharacter)
        var (count, terms) = (0, 0)
        var id = EventID(high: 0, low: 0)
        var (after, head) = (Position.start, Position.start)
        var retention = Retention.unlimited
        while let field = try reader.next() {
            switch field.number {
            case 1: rule = try reader.number(field)
            case 2: stream = StreamName(unchecked: try reader.text(field))
            case 3: name = try reader.message(field, InvalidName.self)
            case 4: count = Int(try reader.number(field))
            case 5: id = try reader.message(field, EventID.self)
            case 6: terms = Int(try reader.number(field))
            case 7: after = Position(try reader.number(field))
            case 8: head = Position(try reader.number(field))
            case 9: retention = try reader.message(field, Retention.self)
            default: break
            }
        }
        switch rule {
        case 1: self = .empty
        case 2: self = .noEvents(stream: stream)
        case 3: self = .repeatedStream(stream)
        case 4: self = .name(name)
        case 5: self = .tooManyEvents(count)
        case 6: self = .tooManyStreams(count)
        case 7: self = .eventTooLarge(id: id, bytes: count)
        case 8: self = .metadataTooLarge(stream: stream, bytes: count)
        case 9: self = .requestTooLarge(bytes: count)
        case 10: self = .tooManyTags(id: id, count: count)
        case 11: self = .repeatedEventID(id)
        case 12: self = .queryTooLarge(items: count, terms: terms)
        case 13: self = .emptyCondition
        case 14: self = .conditionBeyondHead(after: after, head: head)
        case 15: self = .retention(retention)
        default: throw WireError("An append broke rule \(rule), which is not known.")
        }
    }
}
