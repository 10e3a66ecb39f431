/// Which events of `$all` a group of consumers is given.
package struct GroupFilter: WireMessage, Hashable {
    package var isOfTypes: Bool
    /// Searched for in the names of streams, or of types; when it is empty, the prefixes are looked at.
    package var pattern: String
    package var prefixes: [String]

    package init(isOfTypes: Bool, pattern: String, prefixes: [String]) {
        self.isOfTypes = isOfTypes
        self.pattern = pattern
        self.prefixes = prefixes
    }

    package func write(to writer: inout WireWriter) {
        writer.flag(1, isOfTypes)
        writer.text(2, pattern)
        for prefix in prefixes { writer.text(3, present: prefix) }
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init(isOfTypes: false, pattern: "", prefixes: [])
        while let field = try reader.next() {
            switch field.number {
            case 1: isOfTypes = try reader.flag(field)
            case 2: pattern = try reader.text(field)
            case 3: prefixes.append(try reader.text(field))
            default: break
            }
        }
    }
}
