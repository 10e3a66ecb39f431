import DaybookCore

/// A typed attribute of a process log, as JSON.
struct XESAttribute {
    var key: String
    /// The value as JSON.
    var json: [UInt8]
    /// The value as it stands in the log.
    var text: String
    /// Attributes of the attribute.
    var nested: [XESAttribute] = []

    /// Nil when the element is no attribute of XES.
    ///
    /// - Parameter element: `string`, `date`, `int`, `float`, `boolean`, `id`, `list` or `container`.
    init?(element: String, attributes: [XMLTokenizer.Attribute], line: Int) throws(MalformedInput) {
        guard Self.elements.contains(element) else { return nil }
        guard let key = attributes.first(where: { $0.name == "key" })?.value else {
            throw MalformedInput(line: line, reason: "<\(element)> has no 'key'.")
        }
        let value = attributes.first { $0.name == "value" }?.value ?? ""
        self.key = key
        text = value
        json = []
        switch element {
        case "int", "float":
            // The digits are kept as they are when JSON can say them; others, such as NaN, become text.
            if let number = try? JSONText(parsing: value), number.kind == .number { json = Array(number.bytes) }
            if json.isEmpty, element == "int" {
                throw MalformedInput(
                    line: line, reason: "Attribute '\(key)' is '\(value.prefix(40))', not a whole number.")
            }
        case "boolean":
            guard value == "true" || value == "false" else {
                throw MalformedInput(
                    line: line, reason: "Attribute '\(key)' is '\(value.prefix(40))', not true or false.")
            }
            json = Array(value.utf8)
        case "list", "container":
            json = Array("null".utf8)
        default: break
        }
        if json.isEmpty { json.appendJSON(value) }
    }

    private static let elements: Set<String> = ["string", "date", "int", "float", "boolean", "id", "list", "container"]

    /// The attributes as a JSON object. One with attributes of its own is `{"value":…,"attributes":{…}}`.
    static func object(_ attributes: [XESAttribute]) -> JSONLine {
        var object = JSONLine()
        var keys: Set<String> = []
        for attribute in attributes {
            var key = attribute.key
            while !keys.insert(key).inserted { key += "+" }  // A key may stand twice in XES, but not in JSON.
            if attribute.nested.isEmpty {
                object.add(key, raw: attribute.json)
            } else {
                var value = JSONLine()
                value.add("value", raw: attribute.json)
                value.add("attributes", raw: Self.object(attribute.nested).object)
                object.add(key, raw: value.object)
            }
        }
        return object
    }
}
