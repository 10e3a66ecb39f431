import DaybookCore

extension ExpectedVersion: WireMessage {
    package func write(to writer: inout WireWriter) {
        switch self {
        case .any: break
        case .noStream: writer.number(1, 1)
        case .streamExists: writer.number(1, 2)
        case .version(let version):
            writer.number(1, 3)
            writer.number(2, version.rawValue)
        }
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        var (kind, version): (Int64, Int64) = (0, 0)
        while let field = try reader.next() {
            switch field.number {
            case 1: kind = try reader.number(field)
            case 2: version = try reader.number(field)
            default: break
            }
        }
        switch kind {
        case 0: self = .any
        case 1: self = .noStream
        case 2: self = .streamExists
        case 3: self = .version(StreamVersion(version))
        default: throw WireError("An expected version has the kind \(kind), which is not known.")
        }
    }
}
