#if Webhook
/// A media type of a `Content-Type` header, in lower case, and its character set.
struct HTTPMediaType: Sendable, Equatable {
    let name: String
    /// Nil when none is named.
    let charset: String?

    init(_ text: String) {
        let parts = text.split(separator: ";", omittingEmptySubsequences: false).map { part in
            part.drop { $0 == " " || $0 == "\t" }.lowercased()
        }
        name = String((parts.first ?? "").prefix { $0 != " " && $0 != "\t" })
        charset = parts.dropFirst().first { $0.hasPrefix("charset=") }.map {
            $0.dropFirst("charset=".count).filter { $0 != "\"" && $0 != " " }
        }
    }

    var isCloudEvents: Bool { name.hasPrefix("application/cloudevents") }
    /// JSON is UTF-8, whatever else is possible by the letter.
    var isUTF8: Bool { charset == nil || charset == "utf-8" || charset == "us-ascii" }
}
#endif
