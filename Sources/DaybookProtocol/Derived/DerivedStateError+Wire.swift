import DaybookCore

extension DerivedStateError: WireMessage {
    package func write(to writer: inout WireWriter) {
        switch self {
        case .checkpointMoved(let model, let expected, let actual):
            writer.number(1, 1)
            writer.text(2, model.rawValue)
            writer.number(3, expected.rawValue)
            writer.number(4, actual.rawValue)
        case .documentChanged(let model, let key):
            writer.number(1, 2)
            writer.text(2, model.rawValue)
            writer.text(5, key)
        case .tooLarge(let key, let bytes):
            writer.number(1, 3)
            writer.text(5, key)
            writer.number(6, Int64(bytes))
        case .tooManyDocuments(let count):
            writer.number(1, 4)
            writer.number(6, Int64(count))
        case .storageFailed(let reason):
            writer.number(1, 5)
            writer.text(7, reason)
        case .corrupted(let key, let file):
            writer.number(1, 6)
            writer.text(5, key)
            writer.text(8, file)
        case .cancelled: writer.number(1, 7)
        case .closed: writer.number(1, 8)
        }
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        var code: Int64 = 0
        var model = ReadModelName(unchecked: "")
        var (expected, actual) = (Position.start, Position.start)
        var (key, reason, file) = ("", "", "")
        var count = 0
        while let field = try reader.next() {
            switch field.number {
            case 1: code = try reader.number(field)
            case 2: model = ReadModelName(unchecked: try reader.text(field))
            case 3: expected = Position(try reader.number(field))
            case 4: actual = Position(try reader.number(field))
            case 5: key = try reader.text(field)
            case 6: count = Int(try reader.number(field))
            case 7: reason = try reader.text(field)
            case 8: file = try reader.text(field)
            default: break
            }
        }
        switch code {
        case 1: self = .checkpointMoved(model: model, expected: expected, actual: actual)
        case 2: self = .documentChanged(model: model, key: key)
        case 3: self = .tooLarge(key: key, bytes: count)
        case 4: self = .tooManyDocuments(count)
        case 5: self = .storageFailed(reason: reason)
        case 6: self = .corrupted(key: key, file: file)
        case 7: self = .cancelled
        case 8: self = .closed
        default: throw WireError("Derived state failed with code \(code), which is not known.")
        }
    }
}
