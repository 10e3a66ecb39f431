import DaybookCore

extension LogCopyError: WireMessage {
    package func write(to writer: inout WireWriter) {
        switch self {
        case .notNext(let position, let head):
            writer.number(1, 1)
            writer.number(2, position.rawValue)
            writer.number(3, head.rawValue)
        case .wrongVersion(let stream, let version, let position, let last):
            writer.number(1, 2)
            writer.number(2, position.rawValue)
            writer.text(4, stream.rawValue)
            writer.number(5, version.rawValue)
            writer.number(6, optional: last?.rawValue)
        case .goesBackInTime(let position):
            writer.number(1, 3)
            writer.number(2, position.rawValue)
        case .unknownControl(let position):
            writer.number(1, 4)
            writer.number(2, position.rawValue)
        case .unknownResult(let command):
            writer.number(1, 5)
            writer.text(7, command.rawValue)
        case .differs(let position, let reason):
            writer.number(1, 6)
            writer.number(2, position.rawValue)
            writer.text(8, reason)
        case .commandDiffers(let command):
            writer.number(1, 7)
            writer.text(7, command.rawValue)
        case .refused(let name, let reason):
            writer.number(1, 8)
            writer.text(8, reason)
            writer.text(9, name)
        case .read(let error):
            writer.number(1, 9)
            writer.message(11, error)
        case .storageFailed(let reason, let mayBeWritten):
            writer.number(1, 10)
            writer.text(8, reason)
            writer.flag(10, mayBeWritten)
        case .cancelled: writer.number(1, 11)
        case .closed: writer.number(1, 12)
        }
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        var code: Int64 = 0
        var (position, head) = (Position.start, Position.start)
        var stream = StreamName(unchecked: "")
        var version = StreamVersion.first
        var last: StreamVersion?
        var command = CommandID(unchecked: "")
        var (reason, name) = ("", "")
        var mayBeWritten = false
        var read = ReadError.closed
        while let field = try reader.next() {
            switch field.number {
            case 1: code = try reader.number(field)
            case 2: position = Position(try reader.number(field))
            case 3: head = Position(try reader.number(field))
            case 4: stream = StreamName(unchecked: try reader.text(field))
            case 5: version = StreamVersion(try reader.number(field))
            case 6: last = StreamVersion(try reader.number(field))
            case 7: command = CommandID(unchecked: try reader.text(field))
            case 8: reason = try reader.text(field)
            case 9: name = try reader.text(field)
            case 10: mayBeWritten = try reader.flag(field)
            case 11: read = try reader.message(field, ReadError.self)
            default: break
            }
        }
        switch code {
        case 1: self = .notNext(position: position, head: head)
        case 2: self = .wrongVersion(stream: stream, version: version, position: position, last: last)
        case 3: self = .goesBackInTime(position: position)
        case 4: self = .unknownControl(position: position)
        case 5: self = .unknownResult(command: command)
        case 6: self = .differs(position: position, reason: reason)
        case 7: self = .commandDiffers(command: command)
        case 8: self = .refused(by: name, reason: reason)
        case 9: self = .read(read)
        case 10: self = .storageFailed(reason: reason, mayBeWritten: mayBeWritten)
        case 11: self = .cancelled
        case 12: self = .closed
        default: throw WireError("A copy failed with code \(code), which is not known.")
        }
    }
}
