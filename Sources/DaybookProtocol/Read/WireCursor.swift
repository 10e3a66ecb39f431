import DaybookCore

/// Where a read begins, in either kind of read.
struct WireCursor: WireMessage {
    var kind: Int64 = 0
    var value: Int64 = 0

    init(_ cursor: StreamCursor) {
        switch cursor {
        case .start: break
        case .end: kind = 1
        case .version(let version): (kind, value) = (2, version.rawValue)
        case .position(let position): (kind, value) = (3, position.rawValue)
        case .time(let time): (kind, value) = (4, time.microseconds)
        }
    }

    init(_ cursor: LogCursor) {
        switch cursor {
        case .start: break
        case .end: kind = 1
        case .position(let position): (kind, value) = (3, position.rawValue)
        case .time(let time): (kind, value) = (4, time.microseconds)
        }
    }

    func write(to writer: inout WireWriter) {
        writer.number(1, kind)
        writer.number(2, value)
    }

    init(wire reader: inout WireReader) throws(WireError) {
        while let field = try reader.next() {
            switch field.number {
            case 1: kind = try reader.number(field)
            case 2: value = try reader.number(field)
            default: break
            }
        }
    }

    func ofStream() throws(WireError) -> StreamCursor {
        switch kind {
        case 0: return .start
        case 1: return .end
        case 2: return .version(StreamVersion(value))
        case 3: return .position(Position(value))
        case 4: return .time(Timestamp(microseconds: value))
        default: throw WireError("A cursor has the kind \(kind), which is not known.")
        }
    }

    func ofLog() throws(WireError) -> LogCursor {
        switch kind {
        case 0: return .start
        case 1: return .end
        case 3: return .position(Position(value))
        case 4: return .time(Timestamp(microseconds: value))
        default: throw WireError("A cursor of the log has the kind \(kind), which is not one.")
        }
    }
}

extension ReadDirection {
    var wireNumber: Int64 { self == .forward ? 0 : 1 }

    init(wireNumber: Int64) throws(WireError) {
        switch wireNumber {
        case 0: self = .forward
        case 1: self = .backward
        default: throw WireError("A read has the direction \(wireNumber), which is not known.")
        }
    }
}
