import DaybookCore

extension EventQuery: WireMessage {
    package func write(to writer: inout WireWriter) {
        for item in items { writer.message(1, item) }
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init(items: [])
        var terms = 0
        while let field = try reader.next() {
            guard field.number == 1 else { continue }
            let item = try reader.message(field, Item.self)
            terms += item.types.count + item.tags.count
            items.append(item)
            guard items.count <= Limits.itemsPerQuery, terms <= Limits.termsPerQuery else {
                throw WireError(
                    "A query has more than \(Limits.itemsPerQuery) items, or \(Limits.termsPerQuery) terms.")
            }
        }
    }
}

extension EventQuery.Item: WireMessage {
    package func write(to writer: inout WireWriter) {
        for type in types.sorted() { writer.text(1, present: type.rawValue) }
        for tag in tags.sorted() { writer.text(2, present: tag.rawValue) }
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init()
        while let field = try reader.next() {
            switch field.number {
            case 1: types.insert(EventType(unchecked: try reader.text(field)))
            case 2: tags.insert(Tag(unchecked: try reader.text(field)))
            default: break
            }
            guard types.count + tags.count <= Limits.termsPerQuery else {
                throw WireError("A query has more than \(Limits.termsPerQuery) terms.")
            }
        }
    }
}
