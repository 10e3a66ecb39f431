import DaybookCore

/// A request that names what it is about, and nothing else: a stream's state, a command's receipt, a checkpoint, a snapshot, a
/// read model.
package struct NamedRequest<Name: BoundedName>: WireMessage {
    package let name: Name

    package init(_ name: Name) { self.name = name }

    package func write(to writer: inout WireWriter) { writer.text(1, name.rawValue) }

    package init(wire reader: inout WireReader) throws(WireError) {
        var name: Name?
        while let field = try reader.next() {
            if field.number == 1 { name = try reader.name(field, Name.self) }
        }
        guard let name else { throw WireError("The request has no \(Name.kind).") }
        self.init(name)
    }
}
