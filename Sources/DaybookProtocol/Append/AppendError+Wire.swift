import DaybookCore

extension AppendError: WireMessage {
    package func write(to writer: inout WireWriter) {
        writer.number(1, wireCode)
        switch self {
        case .wrongExpectedVersion(let stream, let expected, let actual):
            writer.text(2, stream.rawValue)
            writer.message(3, expected)
            writer.number(4, optional: actual?.rawValue)
        case .streamTombstoned(let stream): writer.text(2, stream.rawValue)
        case .conditionFailed(let after, let conflict):
            writer.number(5, after.rawValue)
            writer.number(6, conflict.rawValue)
        case .commandReused(let id): writer.text(7, id.rawValue)
        case .invalid(let reason): writer.message(8, reason)
        case .unsupported(let reason): writer.text(9, reason)
        case .refused(let name, let reason):
            writer.text(9, reason)
            writer.text(10, name)
        case .storageFailed(let reason, let mayBeWritten):
            writer.text(9, reason)
            writer.flag(11, mayBeWritten)
        case .cancelled(let mayBeWritten): writer.flag(11, mayBeWritten)
        case .closed: break
        }
    }

    private var wireCode: Int64 {
        switch self {
        case .wrongExpectedVersion: 1
        case .streamTombstoned: 2
        case .conditionFailed: 3
        case .commandReused: 4
        case .invalid: 5
        case .unsupported: 6
        case .refused: 7
        case .storageFailed: 8
        case .cancelled: 9
        case .closed: 10
        }
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        var code: Int64 = 0
        var stream = StreamName(unchecked: "")
        var expected = ExpectedVersion.any
        var actual: StreamVersion?
        var (after, conflict) = (Position.start, Position.start)
        var command = CommandID(unchecked: "")
        var invalid = InvalidAppend.empty
        var (reason, name) = ("", "")
        var mayBeWritten = false
        while let field = try reader.next() {
            switch field.number {
            case 1: code = try reader.number(field)
            case 2: stream = StreamName(unchecked: try reader.text(field))
            case 3: expected = try reader.message(field, ExpectedVersion.self)
            case 4: actual = StreamVersion(try reader.number(field))
            case 5: after = Position(try reader.number(field))
            case 6: conflict = Position(try reader.number(field))
            case 7: command = CommandID(unchecked: try reader.text(field))
            case 8: invalid = try reader.message(field, InvalidAppend.self)
            case 9: reason = try reader.text(field)
            case 10: name = try reader.text(field)
            case 11: mayBeWritten = try reader.flag(field)
            default: break
            }
        }
        switch code {
        case 1: self = .wrongExpectedVersion(stream: stream, expected: expected, actual: actual)
        case 2: self = .streamTombstoned(stream: stream)
        case 3: self = .conditionFailed(after: after, conflict: conflict)
        case 4: self = .commandReused(id: command)
        case 5: self = .invalid(invalid)
        case 6: self = .unsupported(reason: reason)
        case 7: self = .refused(by: name, reason: reason)
        case 8: self = .storageFailed(reason: reason, mayBeWritten: mayBeWritten)
        case 9: self = .cancelled(mayBeWritten: mayBeWritten)
        case 10: self = .closed
        default: throw WireError("An append failed with code \(code), which is not known.")
        }
    }
}
