import DaybookCore

/// The binary form: the attributes stand beside the data, such as in headers.
extension CloudEvent {
    /// All attributes as text, those that every event has first.
    ///
    /// A binding says how it names and writes them: HTTP puts `ce-` before each name but `datacontenttype`, Kafka `ce_`.
    public var attributes: [(name: String, value: String)] {
        var attributes = [("specversion", "1.0"), ("id", id), ("source", source), ("type", type.rawValue)]
        if let subject { attributes.append(("subject", subject)) }
        if let time { attributes.append(("time", "\(time)")) }
        attributes.append(("datacontenttype", contentType.rawValue))
        return attributes + extensions.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// Reads the binary form.
    ///
    /// - Parameter attributes: Named as CloudEvents names them, in lower case and without a binding's prefix; of one that
    ///   stands there twice, the first counts. Without `datacontenttype` the data is ``ContentType/json``.
    /// - Throws: ``InvalidCloudEvent``, for an attribute that is missing, empty or malformed.
    public init(attributes: [(name: String, value: String)], data: [UInt8]) throws(InvalidCloudEvent) {
        var own: (version: String?, id: String?, source: String?, type: String?)
        var optional: (subject: String?, time: String?, contentType: String?)
        var others = [String: String](minimumCapacity: max(0, attributes.count - 7))
        var hasData = false
        for (name, value) in attributes {
            switch name {
            case "specversion": own.version = own.version ?? value
            case "id": own.id = own.id ?? value
            case "source": own.source = own.source ?? value
            case "type": own.type = own.type ?? value
            case "subject": optional.subject = optional.subject ?? value
            case "time": optional.time = optional.time ?? value
            case "datacontenttype": optional.contentType = optional.contentType ?? value
            default:
                hasData = hasData || name == "data"
                if let first = others.updateValue(value, forKey: name) { others[name] = first }
            }
        }
        let version = try Self.value(own.version, of: "specversion")
        guard version == "1.0" else { throw InvalidCloudEvent(.version(version)) }
        id = try Self.value(own.id, of: "id")
        source = try Self.value(own.source, of: "source")
        let typeName = try Self.value(own.type, of: "type")
        do { type = try EventType(typeName) } catch { throw InvalidCloudEvent(.malformed("type", "\(error)")) }
        if let text = optional.subject { subject = try Self.value(text, of: "subject") } else { subject = nil }
        if let text = optional.time {
            guard let time = Timestamp(try Self.value(text, of: "time")) else {
                throw InvalidCloudEvent(.malformed("time", "'\(text)' is no date and time of RFC 3339."))
            }
            self.time = time
        } else {
            time = nil
        }
        if let text = optional.contentType {
            let text = try Self.value(text, of: "datacontenttype")
            do { contentType = try ContentType(text) } catch {
                throw InvalidCloudEvent(.malformed("datacontenttype", "\(error)"))
            }
        } else {
            contentType = .json
        }
        self.data = data
        if let name = others.keys.filter({ !Self.isAttributeName($0) }).min() {
            throw InvalidCloudEvent(
                .malformed(name, "The names of attributes are lower-case letters and digits of ASCII."))
        }
        if hasData { throw InvalidCloudEvent(.malformed("data", "No attribute has this name.")) }
        extensions = others
    }

    private static func value(_ text: String?, of name: String) throws(InvalidCloudEvent) -> String {
        guard let text else { throw InvalidCloudEvent(.missing(name)) }
        guard !text.isEmpty else { throw InvalidCloudEvent(.empty(name)) }
        return text
    }

    private static func isAttributeName(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
            }
    }
}
