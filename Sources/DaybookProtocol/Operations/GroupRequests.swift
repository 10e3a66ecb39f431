/// Names a group of consumers of KurrentDB's clients: `GetGroupRequest`, `DeleteGroupRequest`.
package struct GroupReference: WireMessage, Hashable {
    /// `$all`, or a stream as those clients name it.
    package var stream: String
    package var group: String

    package init(stream: String, group: String) {
        self.stream = stream
        self.group = group
    }

    package func write(to writer: inout WireWriter) {
        writer.text(1, stream)
        writer.text(2, group)
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init(stream: "", group: "")
        while let field = try reader.next() {
            switch field.number {
            case 1: stream = try reader.text(field)
            case 2: group = try reader.text(field)
            default: break
            }
        }
    }
}

/// `CreateGroupRequest` and `UpdateGroupRequest`; an update has no filter.
package struct GroupChangeRequest: WireMessage {
    package var group: GroupReference
    package var change: GroupChange
    /// Nil for all events. Groups of `$all` alone may have one.
    package var filter: GroupFilter?

    package init(_ group: GroupReference, _ change: GroupChange, filter: GroupFilter? = nil) {
        self.group = group
        self.change = change
        self.filter = filter
    }

    package func write(to writer: inout WireWriter) {
        writer.message(1, group)
        writer.message(2, change)
        if let filter { writer.message(3, filter) }
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init(GroupReference(stream: "", group: ""), GroupChange())
        while let field = try reader.next() {
            switch field.number {
            case 1: group = try reader.message(field, GroupReference.self)
            case 2: change = try reader.message(field, GroupChange.self)
            case 3: filter = try reader.message(field, GroupFilter.self)
            default: break
            }
        }
    }
}

/// `ListGroupsRequest`.
package struct GroupsRequest: WireMessage {
    /// Nil for the groups of all streams.
    package var stream: String?

    package init(of stream: String?) { self.stream = stream }

    package func write(to writer: inout WireWriter) { writer.text(1, optional: stream) }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init(of: nil)
        while let field = try reader.next() {
            if field.number == 1 { stream = try reader.text(field) }
        }
    }
}

/// `ReplayParkedRequest`.
package struct ReplayParkedRequest: WireMessage {
    package var group: GroupReference
    /// The first of the parked events that is to stay, counted from 0 since the group began; nil for none.
    package var end: Int64?

    package init(_ group: GroupReference, until end: Int64?) {
        self.group = group
        self.end = end
    }

    package func write(to writer: inout WireWriter) {
        writer.message(1, group)
        writer.number(2, optional: end)
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init(GroupReference(stream: "", group: ""), until: nil)
        while let field = try reader.next() {
            switch field.number {
            case 1: group = try reader.message(field, GroupReference.self)
            case 2: end = try reader.number(field)
            default: break
            }
        }
    }
}
