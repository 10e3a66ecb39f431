#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What is wrong with a field of a request or an event line: where it is, and what should stand there.
package struct FieldError: Error, Equatable, CustomStringConvertible {
    /// The way to the field, such as `writes[0].events[2].type`; empty for the line itself.
    package let path: String
    package let problem: String

    package init(path: String, problem: String) {
        self.path = path
        self.problem = problem
    }

    package var description: String { path.isEmpty ? "The line \(problem)" : "'\(path)' \(problem)" }
}

/// The members of a JSON object, taken out one by one by name; what nobody took is an error, so that a misspelt name is
/// not passed over.
package struct JSONFields {
    package let path: String
    private var values: [String: JSONText]

    package init(_ value: JSONText, path: String) throws(FieldError) {
        guard let members = value.members else {
            throw FieldError(path: path, problem: "is \(value.kind.phrase); write an object.")
        }
        self.path = path
        values = Dictionary(minimumCapacity: members.count)
        for (key, value) in members {
            guard values.updateValue(value, forKey: key) == nil else {
                throw FieldError(path: self.path(of: key), problem: "stands twice; keep one.")
            }
        }
    }

    package func path(of key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    /// The value under a key; nil when there is none.
    package mutating func take(_ key: String) -> JSONText? { values.removeValue(forKey: key) }

    package mutating func string(_ key: String) throws(FieldError) -> String? {
        guard let value = take(key) else { return nil }
        guard let text = value.string else { throw wrong(key, value, wanted: "text in double quotes") }
        return text
    }

    package mutating func integer(_ key: String, atLeast least: Int64 = .min) throws(FieldError) -> Int64? {
        guard let value = take(key) else { return nil }
        guard let number = value.integer else { throw wrong(key, value, wanted: "a whole number of 64 bits") }
        guard number >= least else {
            throw FieldError(path: path(of: key), problem: "is \(number); write a number of at least \(least).")
        }
        return number
    }

    package mutating func boolean(_ key: String) throws(FieldError) -> Bool? {
        guard let value = take(key) else { return nil }
        guard let boolean = value.boolean else { throw wrong(key, value, wanted: "true or false") }
        return boolean
    }

    package mutating func elements(_ key: String) throws(FieldError) -> [JSONText]? {
        guard let value = take(key) else { return nil }
        guard let elements = value.elements else { throw wrong(key, value, wanted: "an array") }
        return elements
    }

    /// A name such as a stream's or an event type's, checked for its bounds.
    package mutating func name<Name: BoundedName>(_ key: String, as type: Name.Type = Name.self) throws(FieldError)
        -> Name?
    {
        guard let text = try string(key) else { return nil }
        return try Self.name(text, path: path(of: key))
    }

    package mutating func names<Name: BoundedName>(_ key: String, as type: Name.Type = Name.self) throws(FieldError)
        -> [Name]
    {
        var names: [Name] = []
        for (index, element) in (try elements(key) ?? []).enumerated() {
            let place = "\(path(of: key))[\(index)]"
            guard let text = element.string else {
                throw FieldError(path: place, problem: "is \(element.kind.phrase); write text in double quotes.")
            }
            names.append(try Self.name(text, path: place))
        }
        return names
    }

    package mutating func requiredName<Name: BoundedName>(
        _ key: String, as type: Name.Type = Name.self
    ) throws(FieldError) -> Name {
        guard let name: Name = try name(key) else {
            throw FieldError(path: path(of: key), problem: "is missing; write the \(Name.kind).")
        }
        return name
    }

    package mutating func eventID(_ key: String) throws(FieldError) -> EventID? {
        guard let text = try string(key) else { return nil }
        guard let id = EventID(text) else {
            throw FieldError(path: path(of: key), problem: "is '\(text.prefix(50))'; write a UUID.")
        }
        return id
    }

    package mutating func schemaVersion() throws(FieldError) -> UInt32 {
        guard let number = try integer("schemaVersion", atLeast: 1) else { return 1 }
        guard let version = UInt32(exactly: number) else {
            throw FieldError(path: path(of: "schemaVersion"), problem: "is \(number); the limit is \(UInt32.max).")
        }
        return version
    }

    /// A payload: the bytes of a JSON value under the key, or bytes in base 64 under the key and `Base64`.
    package mutating func payload(_ key: String) throws(FieldError) -> (bytes: [UInt8], isJSON: Bool)? {
        let raw = take(key)
        let encodedKey = "\(key)Base64"
        guard let encoded = try string(encodedKey) else { return raw.map { (Array($0.bytes), true) } }
        guard raw == nil else {
            throw FieldError(path: path(of: encodedKey), problem: "stands beside '\(key)'; keep one of them.")
        }
        guard let data = Data(base64Encoded: encoded) else {
            throw FieldError(path: path(of: encodedKey), problem: "is not base 64 (RFC 4648, padded with '=').")
        }
        return (Array(data), false)
    }

    /// An event's fields other than its place: `id`, `type`, `schemaVersion`, `contentType`, payloads and `tags`.
    package mutating func event(defaultID: () -> EventID) throws(FieldError) -> NewEvent {
        let type = try requiredName("type", as: EventType.self)
        let data = try payload("data")
        let contentType = try name("contentType", as: ContentType.self)
        return NewEvent(
            id: try eventID("id") ?? defaultID(), type: type, schemaVersion: try schemaVersion(),
            contentType: contentType ?? (data?.isJSON ?? true ? .json : .bytes), data: data?.bytes ?? [],
            metadata: try payload("metadata")?.bytes ?? [], tags: try names("tags"))
    }

    /// - Throws: The first field that nobody took.
    package func finish() throws(FieldError) {
        guard let key = values.keys.min() else { return }
        throw FieldError(path: path(of: key), problem: "is no known field; check its spelling, or leave it out.")
    }

    package func wrong(_ key: String, _ value: JSONText, wanted: String) -> FieldError {
        let shown = String(decoding: value.bytes.prefix(40), as: UTF8.self)
        return FieldError(path: path(of: key), problem: "is \(shown); write \(wanted).")
    }

    private static func name<Name: BoundedName>(_ text: String, path: String) throws(FieldError) -> Name {
        do { return try Name(text) } catch {
            throw FieldError(path: path, problem: "cannot be taken: \(error)")
        }
    }
}
