import DaybookCore

extension UpkeepTask: WireMessage {
    package func write(to writer: inout WireWriter) {
        switch self {
        case .statistics(let includesTables):
            writer.number(1, 1)
            writer.flag(2, includesTables)
        case .verification: writer.number(1, 2)
        case .reindexing: writer.number(1, 3)
        case .scavenging(let task):
            writer.number(1, 4)
            writer.number(3, optional: task.through?.rawValue)
            for name in task.ignoredConsumers.sorted() { writer.text(4, present: name) }
            writer.flag(5, task.ignoresConsumers)
            writer.flag(6, task.compacts)
            writer.flag(7, task.isDryRun)
        case .archiving(let task):
            writer.number(1, 5)
            switch task.end {
            case .through(let position): writer.number(3, optional: position.rawValue)
            case .before(let time): writer.number(8, optional: time.microseconds)
            }
            writer.flag(6, task.compacts)
        case .backup(let task):
            writer.number(1, 6)
            writer.text(9, task.destination)
            writer.flag(10, task.replaces)
            writer.flag(11, task.verifies)
        }
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        var kind: Int64 = 0
        var scavenging = Scavenging()
        var includesTables = false
        var before: Timestamp?
        var backup = Backup(to: "", replaces: false, verifies: false)
        while let field = try reader.next() {
            switch field.number {
            case 1: kind = try reader.number(field)
            case 2: includesTables = try reader.flag(field)
            case 3: scavenging.through = Position(try reader.number(field))
            case 4: scavenging.ignoredConsumers.insert(try reader.text(field))
            case 5: scavenging.ignoresConsumers = try reader.flag(field)
            case 6: scavenging.compacts = try reader.flag(field)
            case 7: scavenging.isDryRun = try reader.flag(field)
            case 8: before = Timestamp(microseconds: try reader.number(field))
            case 9: backup.destination = try reader.text(field)
            case 10: backup.replaces = try reader.flag(field)
            case 11: backup.verifies = try reader.flag(field)
            default: break
            }
        }
        switch kind {
        case 1: self = .statistics(includesTables: includesTables)
        case 2: self = .verification
        case 3: self = .reindexing
        case 4: self = .scavenging(scavenging)
        case 5:
            let end: Archiving.End
            if let before {
                end = .before(before)
            } else if let position = scavenging.through {
                end = .through(position)
            } else {
                throw WireError("It is not said up to where is to be archived.")
            }
            self = .archiving(Archiving(end, compacts: scavenging.compacts))
        case 6: self = .backup(backup)
        default: throw WireError("A task is of the kind \(kind), which is not known.")
        }
    }
}
