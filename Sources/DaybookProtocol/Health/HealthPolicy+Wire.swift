import DaybookCore

extension HealthPolicy: WireMessage {
    package func write(to writer: inout WireWriter) {
        writer.number(1, maxEventsBehind)
        if let (seconds, attoseconds) = maxTimeBehind?.components {
            writer.number(2, optional: seconds)
            writer.number(3, attoseconds)
        }
        writer.number(4, Int64(maxParked))
        writer.number(5, maxWALBytes)
        for name in ignoredConsumers.sorted() { writer.text(6, present: name) }
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init(maxEventsBehind: 0, maxParked: 0, maxWALBytes: 0)
        var (seconds, attoseconds): (Int64?, Int64) = (nil, 0)
        while let field = try reader.next() {
            switch field.number {
            case 1: maxEventsBehind = try reader.number(field)
            case 2: seconds = try reader.number(field)
            case 3: attoseconds = try reader.number(field)
            case 4: maxParked = Int(try reader.number(field))
            case 5: maxWALBytes = try reader.number(field)
            case 6: ignoredConsumers.insert(try reader.text(field))
            default: break
            }
        }
        if let seconds { maxTimeBehind = try Duration(wireSeconds: seconds, attoseconds: attoseconds) }
    }
}
