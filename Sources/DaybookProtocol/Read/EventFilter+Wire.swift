import DaybookCore

extension EventFilter: WireMessage {
    /// How many categories, types, tags and prefixes together a filter may name.
    private static let termLimit = 10_000

    package func write(to writer: inout WireWriter) {
        for category in categories.sorted() { writer.text(1, present: category.rawValue) }
        for prefix in streamPrefixes.sorted() { writer.text(2, present: prefix) }
        for type in types.sorted() { writer.text(3, present: type.rawValue) }
        for prefix in typePrefixes.sorted() { writer.text(4, present: prefix) }
        for tag in tags.sorted() { writer.text(5, present: tag.rawValue) }
        if let query { writer.message(6, query) }
        writer.flag(7, includesControlEvents)
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init()
        var terms = 0
        while let field = try reader.next() {
            if field.number <= 5 { terms += 1 }
            guard terms <= Self.termLimit else { throw WireError("A filter has more than \(Self.termLimit) terms.") }
            switch field.number {
            case 1: categories.insert(Category(unchecked: try reader.text(field)))
            case 2: streamPrefixes.insert(try reader.text(field))
            case 3: types.insert(EventType(unchecked: try reader.text(field)))
            case 4: typePrefixes.insert(try reader.text(field))
            case 5: tags.insert(Tag(unchecked: try reader.text(field)))
            case 6: query = try reader.message(field, EventQuery.self)
            case 7: includesControlEvents = try reader.flag(field)
            default: break
            }
        }
    }
}
