#if Server
import DaybookCore
import KurrentProtocol
import SwiftProtobuf

extension NewEvent {
    /// An event as a record of version 2 proposes it. Its properties are JSON metadata in the log, beside what the schema says.
    init(_ record: Kurrentdb_Protocol_V2_Streams_AppendRecord) throws(RPCStatus) {
        var id = EventID()
        if !record.recordID.isEmpty {
            guard let given = EventID(record.recordID), given != EventID(high: 0, low: 0) else {
                throw .badRequest("record_id '\(record.recordID.prefix(80))' is no UUID, or that of zeros alone.")
            }
            id = given
        }
        guard Self.isSchemaName(record.schema.name) else {
            throw .badRequest(
                "schema.name '\(record.schema.name.prefix(80))' is no type: use letters, digits, '_', '.', '$', ':' and '-'."
            )
        }
        let type: EventType
        do { type = try EventType(record.schema.name) } catch { throw .badRequest(error.description) }
        guard let format = record.schema.format.text else {
            throw .badRequest("schema.format is not set: use JSON, PROTOBUF, AVRO or BYTES.")
        }
        if !record.schema.id.isEmpty, EventID(record.schema.id) == nil {
            throw .badRequest("schema.id '\(record.schema.id.prefix(80))' is no UUID.")
        }
        self.init(
            id: id, type: type, contentType: record.schema.format == .json ? .json : .bytes, data: Array(record.data),
            metadata: try Self.metadata(of: record, format: format))
    }

    private static func isSchemaName(_ text: String) -> Bool {
        !text.isEmpty
            && text.unicodeScalars.allSatisfy { scalar in
                switch scalar {
                case "_", ".", "$", ":", "-", "a"..."z", "A"..."Z", "0"..."9": return true
                default: break
                }
                switch scalar.properties.generalCategory {
                case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return true
                case .decimalNumber, .letterNumber, .otherNumber: return true
                default: return false
                }
            }
    }

    /// A JSON object in the order of its keys.
    private static func metadata(
        of record: Kurrentdb_Protocol_V2_Streams_AppendRecord, format: String
    ) throws(RPCStatus) -> [UInt8] {
        var properties = record.properties
        properties["$schema.format"] = Google_Protobuf_Value(stringValue: format)
        properties["$schema.name"] = Google_Protobuf_Value(stringValue: record.schema.name)
        if !record.schema.id.isEmpty { properties["$schema.id"] = Google_Protobuf_Value(stringValue: record.schema.id) }
        var text: [UInt8] = []
        for (key, value) in properties.sorted(by: { $0.key < $1.key }) {
            text.append(UInt8(ascii: text.isEmpty ? "{" : ","))
            do {
                text += Array(try Google_Protobuf_Value(stringValue: key).jsonString().utf8)
                text.append(UInt8(ascii: ":"))
                text += Array(try value.jsonString().utf8)
            } catch {
                throw .badRequest(
                    "The property '\(key.prefix(80))' has no value, or a number that JSON does not know: leave it out.")
            }
        }
        text.append(UInt8(ascii: "}"))
        return text
    }
}

extension Kurrentdb_Protocol_V2_Streams_SchemaFormat {
    /// As it stands in metadata; nil when it is none.
    fileprivate var text: String? {
        switch self {
        case .json: "Json"
        case .protobuf: "Protobuf"
        case .avro: "Avro"
        case .bytes: "Bytes"
        case .unspecified, .UNRECOGNIZED: nil
        }
    }
}
#endif
