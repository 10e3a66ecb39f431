import DaybookCore

extension Snapshot: WireMessage {
    package func write(to writer: inout WireWriter) {
        writer.text(1, key.rawValue)
        writer.number(2, version.rawValue)
        writer.number(3, position.rawValue)
        writer.text(4, schema)
        writer.data(5, data)
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        var key: SnapshotKey?
        var (version, position) = (StreamVersion.first, Position.start)
        var schema = ""
        var data: [UInt8] = []
        while let field = try reader.next() {
            switch field.number {
            case 1: key = try reader.name(field, SnapshotKey.self)
            case 2: version = StreamVersion(try reader.number(field))
            case 3: position = Position(try reader.number(field))
            case 4: schema = try reader.text(field)
            case 5: data = Array(try reader.data(field))
            default: break
            }
        }
        guard let key else { throw WireError("The snapshot has no key.") }
        self.init(key: key, version: version, position: position, schema: schema, data: data)
    }
}

/// `GetSnapshotResponse`.
package struct MaybeSnapshot: WireMessage {
    package let snapshot: Snapshot?

    package init(_ snapshot: Snapshot?) { self.snapshot = snapshot }

    package func write(to writer: inout WireWriter) {
        if let snapshot { writer.message(1, snapshot) }
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        var snapshot: Snapshot?
        while let field = try reader.next() {
            if field.number == 1 { snapshot = try reader.message(field, Snapshot.self) }
        }
        self.init(snapshot)
    }
}

package struct DeleteSnapshotsRequest: WireMessage {
    package var keyPrefix: String
    package var exceptSchema: String?

    package init(keyPrefix: String, exceptSchema: String?) {
        self.keyPrefix = keyPrefix
        self.exceptSchema = exceptSchema
    }

    package func write(to writer: inout WireWriter) {
        writer.text(1, keyPrefix)
        writer.text(2, optional: exceptSchema)
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init(keyPrefix: "", exceptSchema: nil)
        while let field = try reader.next() {
            switch field.number {
            case 1: keyPrefix = try reader.text(field)
            case 2: exceptSchema = try reader.text(field)
            default: break
            }
        }
    }
}

/// `DeleteSnapshotsResponse`.
package struct CountMessage: WireMessage {
    package var count: Int

    package init(_ count: Int) { self.count = count }

    package func write(to writer: inout WireWriter) { writer.number(1, Int64(count)) }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init(0)
        while let field = try reader.next() {
            if field.number == 1 { count = Int(try reader.number(field)) }
        }
    }
}
