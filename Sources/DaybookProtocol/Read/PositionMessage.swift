import DaybookCore

/// A message with a position, which may be missing: of the head, of what lies beyond, of a checkpoint.
package struct PositionMessage: WireMessage {
    package let position: Position?

    package init(_ position: Position?) { self.position = position }

    package func write(to writer: inout WireWriter) { writer.number(1, optional: position?.rawValue) }

    package init(wire reader: inout WireReader) throws(WireError) {
        var position: Position?
        while let field = try reader.next() {
            if field.number == 1 { position = Position(try reader.number(field)) }
        }
        self.init(position)
    }
}
