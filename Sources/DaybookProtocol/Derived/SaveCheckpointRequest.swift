import DaybookCore

package struct SaveCheckpointRequest: WireMessage {
    package let name: CheckpointName
    package let checkpoint: Checkpoint

    package init(_ checkpoint: Checkpoint, for name: CheckpointName) {
        self.name = name
        self.checkpoint = checkpoint
    }

    package func write(to writer: inout WireWriter) {
        writer.text(1, name.rawValue)
        writer.number(2, checkpoint.position.rawValue)
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        var name: CheckpointName?
        var position = Position.start
        while let field = try reader.next() {
            switch field.number {
            case 1: name = try reader.name(field, CheckpointName.self)
            case 2: position = Position(try reader.number(field))
            default: break
            }
        }
        guard let name else { throw WireError("The checkpoint has no name.") }
        self.init(Checkpoint(after: position), for: name)
    }
}
