#if Server
/// A media type of a `Content-Type` header, in lower case and without its parameters.
struct HTTPMediaType: Sendable, Equatable {
    let name: String

    init(_ text: String) {
        let usual = "application/json"
        name = text == usual ? usual : Self.name(of: text[...])
    }

    static func name(of text: Substring) -> String {
        let name = text.prefix { $0 != ";" }
        return name.drop { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" }.lowercased()
    }

    /// JSON, or something that is JSON.
    var isJSON: Bool { name == "application/json" || name.hasSuffix("+json") }
}
#endif
