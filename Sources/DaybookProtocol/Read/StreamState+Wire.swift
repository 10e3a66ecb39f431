import DaybookCore

extension StreamState: WireMessage {
    package func write(to writer: inout WireWriter) {
        let number: Int64 =
            switch status {
            case .missing: 0
            case .live: 1
            case .deleted: 2
            case .tombstoned: 3
            }
        writer.number(1, number)
        writer.number(2, optional: lastVersion?.rawValue)
        if retention != .unlimited { writer.message(3, retention) }
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init()
        while let field = try reader.next() {
            switch field.number {
            case 1:
                let number = try reader.number(field)
                switch number {
                case 0: status = .missing
                case 1: status = .live
                case 2: status = .deleted
                case 3: status = .tombstoned
                default: throw WireError("A stream has the status \(number), which is not known.")
                }
            case 2: lastVersion = StreamVersion(try reader.number(field))
            case 3: retention = try reader.message(field, Retention.self)
            default: break
            }
        }
    }
}

/// `StateResponse`.
package struct StateAnswer: WireMessage {
    package var state: StreamState

    package init(_ state: StreamState) { self.state = state }

    package func write(to writer: inout WireWriter) { writer.message(1, state) }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init(StreamState())
        while let field = try reader.next() {
            if field.number == 1 { state = try reader.message(field, StreamState.self) }
        }
    }
}
