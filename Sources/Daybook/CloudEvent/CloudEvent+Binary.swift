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
    public init(
        attributes: some Sequence<(name: String, value: String)>, data: [UInt8]
    ) throws(InvalidCloudEvent) {
        var values = Dictionary(attributes.map { ($0.name, $0.value) }) { first, _ in first }
        func take(_ name: String) throws(InvalidCloudEvent) -> String {
            guard let value = values.removeValue(forKey: name) else { throw InvalidCloudEvent(.missing(name)) }
            guard !value.isEmpty else { throw InvalidCloudEvent(.empty(name)) }
            return value
        }
        func takeOptional(_ name: String) throws(InvalidCloudEvent) -> String? {
            values[name] == nil ? nil : try take(name)
        }
        let version = try take("specversion")
        guard version == "1.0" else { throw InvalidCloudEvent(.version(version)) }
        id = try take("id")
        source = try take("source")
        do { type = try EventType(try take("type")) } catch let error as InvalidCloudEvent { throw error } catch {
            throw InvalidCloudEvent(.malformed("type", "\(error)"))
        }
        subject = try takeOptional("subject")
        if let text = try takeOptional("time") {
            guard let time = Timestamp(text) else {
                throw InvalidCloudEvent(.malformed("time", "'\(text)' is no date and time of RFC 3339."))
            }
            self.time = time
        } else {
            time = nil
        }
        if let text = try takeOptional("datacontenttype") {
            do { contentType = try ContentType(text) } catch {
                throw InvalidCloudEvent(.malformed("datacontenttype", "\(error)"))
            }
        } else {
            contentType = .json
        }
        self.data = data
        if let name = values.keys.sorted().first(where: { !Self.isAttributeName($0) }) {
            throw InvalidCloudEvent(
                .malformed(name, "The names of attributes are lower-case letters and digits of ASCII."))
        }
        if values["data"] != nil { throw InvalidCloudEvent(.malformed("data", "No attribute has this name.")) }
        extensions = values
    }

    private static func isAttributeName(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
            }
    }
}
