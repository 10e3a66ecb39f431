/// A group of consumers: what was set, and how it stands.
package struct GroupDescription: WireMessage, Hashable {
    /// A client that is connected to a group.
    package struct Consumer: WireMessage, Hashable {
        package var name: String
        package var user: String
        package var delivered: Int64
        package var inFlight: Int64
        package var room: Int64

        package init(name: String, user: String, delivered: Int64, inFlight: Int64, room: Int64) {
            self.name = name
            self.user = user
            self.delivered = delivered
            self.inFlight = inFlight
            self.room = room
        }

        package func write(to writer: inout WireWriter) {
            writer.text(1, name)
            writer.text(2, user)
            writer.number(3, delivered)
            writer.number(4, inFlight)
            writer.number(5, room)
        }

        package init(wire reader: inout WireReader) throws(WireError) {
            self.init(name: "", user: "", delivered: 0, inFlight: 0, room: 0)
            while let field = try reader.next() {
                switch field.number {
                case 1: name = try reader.text(field)
                case 2: user = try reader.text(field)
                case 3: delivered = try reader.number(field)
                case 4: inFlight = try reader.number(field)
                case 5: room = try reader.number(field)
                default: break
                }
            }
        }
    }

    package var name: GroupReference
    /// `Live`, `Behind` or `NotReady`, and what goes on beside it.
    package var status = ""
    /// All of them; where the group begins stands in ``startsFrom``.
    package var settings = GroupChange()
    /// As KurrentDB's clients are told it.
    package var startsFrom = ""
    package var filter: GroupFilter?
    /// The same of where the group goes on after a restart, and of the last event that it has read; empty when it is not known.
    package var checkpoint = ""
    package var lastRead = ""
    /// Events that have been read, and wait for a consumer with room.
    package var waiting: Int64 = 0
    /// Events that consumers have, and have not answered.
    package var inFlight: Int64 = 0
    package var retrying: Int64 = 0
    package var parked: Int64 = 0
    /// Since the group began to run.
    package var delivered: Int64 = 0
    package var perSecond: Int64 = 0
    package var consumerCount: Int64 = 0
    /// The first ones; none in a list of groups.
    package var consumers: [Consumer] = []

    package init(_ name: GroupReference) { self.name = name }

    package func write(to writer: inout WireWriter) {
        writer.message(1, name)
        writer.text(2, status)
        writer.message(3, settings)
        writer.text(4, startsFrom)
        if let filter { writer.message(5, filter) }
        writer.text(6, checkpoint)
        writer.text(7, lastRead)
        writer.number(8, waiting)
        writer.number(9, inFlight)
        writer.number(10, retrying)
        writer.number(11, parked)
        writer.number(12, delivered)
        writer.number(13, perSecond)
        writer.number(14, consumerCount)
        for consumer in consumers { writer.message(15, consumer) }
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init(GroupReference(stream: "", group: ""))
        while let field = try reader.next() {
            switch field.number {
            case 1: name = try reader.message(field, GroupReference.self)
            case 2: status = try reader.text(field)
            case 3: settings = try reader.message(field, GroupChange.self)
            case 4: startsFrom = try reader.text(field)
            case 5: filter = try reader.message(field, GroupFilter.self)
            case 6: checkpoint = try reader.text(field)
            case 7: lastRead = try reader.text(field)
            case 8: waiting = try reader.number(field)
            case 9: inFlight = try reader.number(field)
            case 10: retrying = try reader.number(field)
            case 11: parked = try reader.number(field)
            case 12: delivered = try reader.number(field)
            case 13: perSecond = try reader.number(field)
            case 14: consumerCount = try reader.number(field)
            case 15: consumers.append(try reader.message(field, Consumer.self))
            default: break
            }
        }
    }
}

/// `ListGroupsResponse`, and `GetGroupResponse`, which has one.
package struct GroupDescriptions: WireMessage {
    package var groups: [GroupDescription]

    package init(_ groups: [GroupDescription]) { self.groups = groups }

    package func write(to writer: inout WireWriter) {
        for group in groups { writer.message(1, group) }
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init([])
        while let field = try reader.next() {
            if field.number == 1 { groups.append(try reader.message(field, GroupDescription.self)) }
        }
    }
}
