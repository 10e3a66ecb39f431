import DaybookCore
import Foundation

/// The structured form: one JSON object, of the media type ``structuredContentType``.
extension CloudEvent {
    public static let structuredContentType: ContentType = "application/cloudevents+json"

    /// The event as one JSON object: the data as JSON where it is, else in base 64.
    public var json: [UInt8] {
        var members = Dictionary(attributes.map { ($0.name, JSONValue.string($0.value)) }) { first, _ in first }
        if contentType.isJSON, let value = try? JSONValue(parsing: data) {
            members["data"] = value
        } else {
            members["data_base64"] = .string(Data(data).base64EncodedString())
        }
        return JSONValue.object(members).bytes
    }

    /// Reads one JSON object.
    ///
    /// Extensions that are numbers or truth values become their text. Data that is JSON keeps its meaning and its numbers'
    /// digits, and not its white space, the order of its keys or its escapes; a string of another content type than JSON is its
    /// characters.
    ///
    /// - Throws: ``InvalidCloudEvent``, also for bytes that are no JSON object.
    public init(json: [UInt8]) throws(InvalidCloudEvent) {
        let value: JSONValue
        do { value = try JSONValue(parsing: json) } catch { throw InvalidCloudEvent(.notJSON("\(error)")) }
        guard case .object(var members) = value else {
            throw InvalidCloudEvent(.notJSON("It is no object."))
        }
        let plain = members.removeValue(forKey: "data")
        let base64 = members.removeValue(forKey: "data_base64")
        var attributes: [(name: String, value: String)] = []
        for (name, value) in members {
            switch value {
            case .string(let text): attributes.append((name, text))
            case .integer(let number): attributes.append((name, String(number)))
            case .bool(let truth): attributes.append((name, truth ? "true" : "false"))
            case .null: continue
            default:
                throw InvalidCloudEvent(.malformed(name, "It is neither text nor a whole number nor a truth value."))
            }
        }
        try self.init(attributes: attributes, data: [])
        switch (plain, base64) {
        case (_?, _?):
            throw InvalidCloudEvent(.malformed("data_base64", "There is 'data' too."))
        case (nil, .string(let text)?):
            guard let bytes = Data(base64Encoded: text) else {
                throw InvalidCloudEvent(.malformed("data_base64", "It is not base 64."))
            }
            data = Array(bytes)
        case (nil, _?): throw InvalidCloudEvent(.malformed("data_base64", "It is no text."))
        case (.string(let text)?, nil) where !contentType.isJSON: data = Array(text.utf8)
        case (let value?, nil): data = value.bytes
        case (nil, nil): break
        }
    }
}

extension ContentType {
    fileprivate var isJSON: Bool {
        let type = rawValue.prefix { $0 != ";" }.lowercased()
        return type == ContentType.json.rawValue || type.hasSuffix("+json")
    }
}
