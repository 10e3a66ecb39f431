import DaybookCore

extension ReadError: WireMessage {
    package func write(to writer: inout WireWriter) {
        switch self {
        case .corrupted(let position, let stream, let file, let reason):
            writer.number(1, 1)
            writer.number(2, optional: position?.rawValue)
            writer.text(3, optional: stream?.rawValue)
            writer.text(4, file)
            writer.text(5, reason)
        case .archiveUnreadable(let position, let file, let reason):
            writer.number(1, 2)
            writer.number(2, position.rawValue)
            writer.text(4, file)
            writer.text(5, reason)
        case .storageFailed(let reason):
            writer.number(1, 3)
            writer.text(5, reason)
        case .invalidLimit(let limit):
            writer.number(1, 4)
            writer.number(6, Int64(limit))
        case .queryTooLarge(let items, let terms):
            writer.number(1, 5)
            writer.number(6, Int64(items))
            writer.number(7, Int64(terms))
        case .cancelled: writer.number(1, 6)
        case .closed: writer.number(1, 7)
        }
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        var code: Int64 = 0
        var position: Position?
        var stream: StreamName?
        var (file, reason) = ("", "")
        var (count, terms) = (0, 0)
        while let field = try reader.next() {
            switch field.number {
            case 1: code = try reader.number(field)
            case 2: position = Position(try reader.number(field))
            case 3: stream = StreamName(unchecked: try reader.text(field))
            case 4: file = try reader.text(field)
            case 5: reason = try reader.text(field)
            case 6: count = Int(try reader.number(field))
            case 7: terms = Int(try reader.number(field))
            default: break
            }
        }
        switch code {
        case 1: self = .corrupted(position: position, stream: stream, file: file, reason: reason)
        case 2: self = .archiveUnreadable(position: position ?? .start, file: file, reason: reason)
        case 3: self = .storageFailed(reason: reason)
        case 4: self = .invalidLimit(count)
        case 5: self = .queryTooLarge(items: count, terms: terms)
        case 6: self = .cancelled
        case 7: self = .closed
        default: throw WireError("A read failed with code \(code), which is not known.")
        }
    }
}
