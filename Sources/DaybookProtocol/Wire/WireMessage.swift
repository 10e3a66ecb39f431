/// A value with a form on the wire: a message of `daybook.proto`.
package protocol WireMessage: Sendable {
    /// Writes the fields, which are in the order of their numbers.
    func write(to writer: inout WireWriter)
    /// Takes the fields in any order, and passes over those that it does not know.
    init(wire reader: inout WireReader) throws(WireError)
}

extension WireMessage {
    package var wireBytes: [UInt8] {
        var writer = WireWriter()
        write(to: &writer)
        return writer.bytes
    }

    package init(wireBytes bytes: [UInt8]) throws(WireError) {
        var reader = WireReader(bytes)
        try self.init(wire: &reader)
    }
}

/// A message without fields.
package struct WireNothing: WireMessage {
    package init() {}
    package func write(to writer: inout WireWriter) {}
    package init(wire reader: inout WireReader) throws(WireError) {}
}
