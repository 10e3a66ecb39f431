/// What the data of events looks like: the part of JSON Schema that Swift types need.
public indirect enum DataShape: Sendable, Hashable {
    case boolean
    case integer
    case number
    /// A text, with the name of its format where it has one: `date-time`, `uuid`, `uri`, `base64`.
    case string(format: String?)
    /// One of these texts.
    case enumeration([String])
    case list(DataShape)
    /// An object with any keys.
    case map(DataShape)
    case object([String: Field])
    /// An object with exactly one of these keys: an enum with values.
    case variants([String: DataShape])
    /// Anything: a value that refers to its own type, or of which the type shows nothing.
    case any

    /// A key of an object.
    public struct Field: Sendable, Hashable {
        public var shape: DataShape
        public var isOptional: Bool

        public init(_ shape: DataShape, isOptional: Bool = false) {
            self.shape = shape
            self.isOptional = isOptional
        }
    }
}

extension DataShape {
    /// The shape in JSON Schema: https://json-schema.org/draft/2020-12
    public var jsonSchema: JSONValue {
        switch self {
        case .boolean: ["type": "boolean"]
        case .integer: ["type": "integer"]
        case .number: ["type": "number"]
        case .string(nil): ["type": "string"]
        case .string(let format?): ["type": "string", "format": .string(format)]
        case .enumeration(let texts): ["type": "string", "enum": .array(texts.map(JSONValue.string))]
        case .list(let element): ["type": "array", "items": element.jsonSchema]
        case .map(let element): ["type": "object", "additionalProperties": element.jsonSchema]
        case .object(let fields):
            [
                "type": "object", "properties": .object(fields.mapValues(\.shape.jsonSchema)),
                "required": .array(fields.filter { !$0.value.isOptional }.keys.sorted().map(JSONValue.string)),
            ]
        case .variants(let cases):
            [
                "oneOf": .array(
                    cases.sorted { $0.key < $1.key }.map { name, shape in
                        [
                            "type": "object", "properties": [name: shape.jsonSchema],
                            "required": .array([.string(name)]),
                        ]
                    })
            ]
        case .any: [:]
        }
    }

    /// Reads what ``jsonSchema`` wrote; what it does not know is `.any`.
    init(jsonSchema schema: JSONValue) {
        guard case .object(let members) = schema else {
            self = .any
            return
        }
        if case .array(let cases)? = members["oneOf"] {
            var variants: [String: DataShape] = [:]
            for case .object(let variant) in cases {
                guard case .object(let properties)? = variant["properties"] else { continue }
                for (name, shape) in properties { variants[name] = DataShape(jsonSchema: shape) }
            }
            self = .variants(variants)
            return
        }
        switch members["type"] {
        case "boolean": self = .boolean
        case "integer": self = .integer
        case "number": self = .number
        case "array": self = .list(members["items"].map(DataShape.init(jsonSchema:)) ?? .any)
        case "string":
            if case .array(let texts)? = members["enum"] {
                self = .enumeration(texts.compactMap(\.text))
            } else {
                self = .string(format: members["format"]?.text)
            }
        case "object":
            if let element = members["additionalProperties"] {
                self = .map(DataShape(jsonSchema: element))
                return
            }
            guard case .object(let properties)? = members["properties"] else {
                self = .any
                return
            }
            var required: Set<String> = []
            if case .array(let names)? = members["required"] { required = Set(names.compactMap(\.text)) }
            var fields: [String: Field] = [:]
            for (name, shape) in properties {
                fields[name] = Field(DataShape(jsonSchema: shape), isOptional: !required.contains(name))
            }
            self = .object(fields)
        default: self = .any
        }
    }

    /// The kind in a few words, for messages.
    var phrase: String {
        switch self {
        case .boolean: "a boolean"
        case .integer: "a whole number"
        case .number: "a number"
        case .string(nil): "a text"
        case .string(let format?): "a text (\(format))"
        case .enumeration(let texts): "one of \(texts.joined(separator: ", "))"
        case .list(let element): "a list, each \(element.phrase)"
        case .map(let element): "an object with any keys, each \(element.phrase)"
        case .object: "an object"
        case .variants(let cases): "an object of one key of \(cases.keys.sorted().joined(separator: ", "))"
        case .any: "anything"
        }
    }
}

extension JSONValue {
    var text: String? {
        if case .string(let text) = self { text } else { nil }
    }
}

extension JSONValue: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(Dictionary(elements, uniquingKeysWith: { _, last in last }))
    }
}
