#if Server
import DaybookCore

/// Who may, or may not, do what with the streams of a pattern: a line of the server's own access list.
struct AccessRule: Sendable, Hashable {
    enum Effect: String, Sendable, Hashable {
        case allow
        case deny
    }

    var effect: Effect
    /// Logins and groups; `$all` is every user.
    var names: [String]
    var rights: Set<StreamRight>
    var streams: StreamPattern

    init(_ effect: Effect, _ names: [String], _ rights: Set<StreamRight>, of streams: String) {
        self.effect = effect
        self.names = names
        self.rights = rights
        self.streams = StreamPattern(streams)
    }

    func applies(_ right: StreamRight, of resource: StreamResource, to principal: Principal) -> Bool {
        rights.contains(right) && streams.matches(resource.name.rawValue)
            && names.contains { principal.isNamed(by: $0) }
    }
}

extension AccessRule {
    private static let rights: [String: StreamRight] = [
        "read": .read, "write": .write, "delete": .delete, "readMetadata": .readMetadata,
        "writeMetadata": .writeMetadata,
    ]

    /// Reads the server's own list.
    static func list(inFile path: String) throws(ServerError) -> [AccessRule] {
        let file = NamedFile(what: "The access rules", setting: "--access-rules", path: path)
        let bytes = try file.bytes()
        do { return try list(in: bytes) } catch let error as JSONSyntaxError {
            throw file.unusable(
                "is no JSON (\(error)): write an array of rules, each with effect, users, rights and streams")
        } catch let error as FieldError {
            throw file.unusable(error.path.isEmpty ? error.problem : "has a rule of which \(error)")
        } catch {
            throw file.unusable("cannot be understood (\(error)): write an array of rules")
        }
    }

    /// Reads a list: an array of JSON such as
    /// `[{"effect":"deny","users":["$all"],"rights":["read"],"streams":"payroll-*"}]`.
    ///
    /// Nothing in it is passed over, since a rule that is taken for another may let somebody in.
    ///
    /// - Throws: `JSONSyntaxError`, or `FieldError` with the place in the array.
    static func list(in json: some Collection<UInt8>) throws -> [AccessRule] {
        let text = try JSONText(parsing: ArraySlice(json))
        guard let elements = text.elements else {
            throw FieldError(path: "", problem: "is \(text.kind.phrase); write an array of rules.")
        }
        var rules: [AccessRule] = []
        for (index, element) in elements.enumerated() { rules.append(try AccessRule(element, path: "[\(index)]")) }
        return rules
    }

    private init(_ json: JSONText, path: String) throws(FieldError) {
        var fields = try JSONFields(json, path: path)
        guard let word = try fields.string("effect"), let effect = Effect(rawValue: word) else {
            throw FieldError(path: fields.path(of: "effect"), problem: #"has to be there, "allow" or "deny"."#)
        }
        let names = try Self.texts("users", in: &fields, such: "logins and groups")
        var rights: Set<StreamRight> = []
        for word in try Self.texts("rights", in: &fields, such: "rights") {
            guard let right = Self.rights[word] else {
                throw FieldError(
                    path: fields.path(of: "rights"),
                    problem:
                        "has '\(word.prefix(40))'; write some of read, write, delete, readMetadata and writeMetadata.")
            }
            rights.insert(right)
        }
        guard let streams = try fields.string("streams") else {
            throw FieldError(
                path: fields.path(of: "streams"), problem: "has to be there, a pattern such as \"payroll-*\".")
        }
        try fields.finish()
        self.init(effect, names, rights, of: streams)
    }

    private static func texts(
        _ key: String, in fields: inout JSONFields, such what: String
    ) throws(FieldError) -> [String] {
        guard let elements = try fields.elements(key) else {
            throw FieldError(path: fields.path(of: key), problem: "has to be there, an array of \(what).")
        }
        var texts: [String] = []
        for element in elements {
            guard let text = element.string else {
                throw FieldError(
                    path: fields.path(of: key), problem: "has \(element.kind.phrase); write text in double quotes.")
            }
            texts.append(text)
        }
        return texts
    }
}
#endif
