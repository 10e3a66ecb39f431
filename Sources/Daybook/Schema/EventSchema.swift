import DaybookCore

/// How events of one type are written: their shape, a sample, and the kinds of their tags.
public struct EventSchema: Sendable, Hashable {
    public var type: EventType
    public var schemaVersion: UInt32
    /// The category of streams whose events of this type are meant; nil for those of all streams.
    public var category: Category?
    public var shape: DataShape
    /// The data of an event of this shape.
    public var sample: JSONValue
    /// The kinds of the sample's tags (``Tag/key``), sorted.
    public var tagKeys: [String]

    public init(
        type: EventType, schemaVersion: UInt32, in category: Category? = nil, shape: DataShape, sample: JSONValue,
        tagKeys: [String] = []
    ) {
        self.type = type
        self.schemaVersion = schemaVersion
        self.category = category
        self.shape = shape
        self.sample = sample
        self.tagKeys = tagKeys
    }

    /// The schemas of every case of an enum, in the order of declaration.
    ///
    /// They are found by decoding each case with stand-ins for its values: a case whose types refuse the stand-ins,
    /// because they check what they are made of, needs a sample.
    ///
    /// - Parameter samples: An event of each case that stand-ins cannot make.
    /// - Throws: ``EventSchemaError``.
    public static func all<Event: DomainEvent>(
        of type: Event.Type, samples: [Event] = []
    ) throws(EventSchemaError) -> [EventSchema] {
        let codec = JSONEventCodec<Event>()
        var given: [EventType: JSONValue] = [:]
        for sample in samples {
            let encoded: EncodedEvent
            do { encoded = try codec.encode(sample) } catch { throw .unencodable(error) }
            given[encoded.type] = try? JSONValue(parsing: encoded.data)
        }
        let all = ShapeNode()
        _ = try? ShapeDecoder.read(type, into: all, value: nil, choice: "")
        guard let names = all.caseNames else { throw .noCases(event: "\(Event.self)") }
        var schemas: [EventSchema] = []
        for name in names {
            let prefix = Event.typePrefix.isEmpty ? "" : Event.typePrefix + "."
            let sample = (try? EventType(prefix + name)).flatMap { given[$0] }
            let node = ShapeNode()
            let event: Event
            do {
                event = try ShapeDecoder.read(
                    type, into: node, value: sample.map { .object([name: $0]) }, choice: name)
            } catch {
                throw .sampleNeeded(
                    event: "\(Event.self)", case: name, reason: CodingReason.text(of: error))
            }
            let encoded: EncodedEvent
            let data: JSONValue
            do { encoded = try codec.encode(event) } catch { throw .unencodable(error) }
            do { data = try JSONValue(parsing: encoded.data) } catch {
                throw .sampleNeeded(event: "\(Event.self)", case: name, reason: "\(error)")
            }
            schemas.append(
                EventSchema(
                    type: encoded.type, schemaVersion: encoded.schemaVersion, shape: node.field(name).shape,
                    sample: data, tagKeys: Set(event.tags.map { String($0.key) }).sorted()))
        }
        return schemas
    }

    func isSameKind(as other: EventSchema) -> Bool {
        type == other.type && schemaVersion == other.schemaVersion && category == other.category
    }

    /// All schemas as one document of JSON Schema, for programs in other languages: the data of each event under
    /// `$defs`, by type and version as in `account.opened/1`, with its sample as an example. A schema that holds for one
    /// category of streams stands behind it: `account_commands/command.carriedOut/1`.
    ///
    /// - Parameter title: Names the document.
    public static func jsonSchema(of schemas: [EventSchema], title: String) -> JSONValue {
        var definitions: [String: JSONValue] = [:]
        for schema in schemas {
            guard case .object(var definition) = schema.shape.jsonSchema else { continue }
            definition["title"] = .string(schema.type.rawValue)
            definition["examples"] = .array([schema.sample])
            let place = schema.category.map { "\($0)/" } ?? ""
            definitions["\(place)\(schema.type)/\(schema.schemaVersion)"] = .object(definition)
        }
        return [
            "$schema": "https://json-schema.org/draft/2020-12/schema", "title": .string(title),
            "$defs": .object(definitions),
        ]
    }
}
