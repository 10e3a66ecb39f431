import DaybookCore

extension Retention: WireMessage {
    package func write(to writer: inout WireWriter) {
        if let (seconds, attoseconds) = maxAge?.components {
            writer.number(1, optional: seconds)
            writer.number(2, attoseconds)
        }
        writer.number(3, optional: maxCount)
        writer.number(4, optional: truncateBefore?.rawValue)
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init()
        var (seconds, attoseconds): (Int64?, Int64) = (nil, 0)
        while let field = try reader.next() {
            switch field.number {
            case 1: seconds = try reader.number(field)
            case 2: attoseconds = try reader.number(field)
            case 3: maxCount = try reader.number(field)
            case 4: truncateBefore = StreamVersion(try reader.number(field))
            default: break
            }
        }
        if let seconds { maxAge = try Duration(wireSeconds: seconds, attoseconds: attoseconds) }
    }
}

extension Duration {
    /// - Throws: For more than a whole second of attoseconds, which no duration has.
    init(wireSeconds seconds: Int64, attoseconds: Int64) throws(WireError) {
        guard attoseconds.magnitude < 1_000_000_000_000_000_000 else {
            throw WireError("A duration has a second or more of attoseconds.")
        }
        self.init(secondsComponent: seconds, attosecondsComponent: attoseconds)
    }
}
