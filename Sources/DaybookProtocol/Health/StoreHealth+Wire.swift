import DaybookCore

extension StoreHealth: WireMessage {
    package func write(to writer: inout WireWriter) {
        writer.number(1, head.rawValue)
        writer.number(2, checkedAt.microseconds)
        for consumer in consumers { writer.message(3, consumer) }
        if let file { writer.message(4, file) }
        for problem in problems { writer.text(5, present: problem) }
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init(head: .start, checkedAt: Timestamp(microseconds: 0), consumers: [])
        while let field = try reader.next() {
            switch field.number {
            case 1: head = Position(try reader.number(field))
            case 2: checkedAt = Timestamp(microseconds: try reader.number(field))
            case 3: consumers.append(try reader.message(field, ConsumerHealth.self))
            case 4: file = try reader.message(field, FileHealth.self)
            case 5: problems.append(try reader.text(field))
            default: break
            }
        }
    }
}

extension ConsumerHealth: WireMessage {
    private static let kinds: [Kind] = [.checkpoint, .readModel, .consumerGroup, .processManager]

    package func write(to writer: inout WireWriter) {
        writer.text(1, name)
        writer.number(2, Int64(Self.kinds.firstIndex(of: kind) ?? 0))
        writer.number(3, position.rawValue)
        writer.number(4, eventsBehind)
        if let secondsBehind { writer.fixed(5, secondsBehind.bitPattern) }
        writer.number(6, optional: parked.map { Int64($0) })
        for problem in problems { writer.text(7, present: problem) }
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init(
            name: "", kind: .checkpoint, position: .start, eventsBehind: 0, secondsBehind: nil, parked: nil,
            problems: [])
        while let field = try reader.next() {
            switch field.number {
            case 1: name = try reader.text(field)
            case 2:
                let number = try reader.number(field)
                guard Self.kinds.indices.contains(Int(number)) else {
                    throw WireError("A consumer is of the kind \(number), which is not known.")
                }
                kind = Self.kinds[Int(number)]
            case 3: position = Position(try reader.number(field))
            case 4: eventsBehind = try reader.number(field)
            case 5: secondsBehind = Double(bitPattern: try reader.word(field))
            case 6: parked = Int(try reader.number(field))
            case 7: problems.append(try reader.text(field))
            default: break
            }
        }
    }
}

extension FileHealth: WireMessage {
    package func write(to writer: inout WireWriter) {
        writer.number(1, eventsNotIndexed)
        writer.number(2, walBytes)
        writer.number(3, optional: freeBytes)
        writer.number(4, freeSpaceReserve)
        writer.text(5, optional: failure)
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init(eventsNotIndexed: 0, walBytes: 0, freeBytes: nil, freeSpaceReserve: 0)
        while let field = try reader.next() {
            switch field.number {
            case 1: eventsNotIndexed = try reader.number(field)
            case 2: walBytes = try reader.number(field)
            case 3: freeBytes = try reader.number(field)
            case 4: freeSpaceReserve = try reader.number(field)
            case 5: failure = try reader.text(field)
            default: break
            }
        }
    }
}
