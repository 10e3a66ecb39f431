/// How an event's data is written, as a media type: `application/json`.
public struct ContentType: BoundedName {
    public static let kind = "content type"
    public let rawValue: String

    public init(unchecked text: String) { rawValue = text }
}

extension ContentType {
    public static let json: ContentType = "application/json"
    public static let bytes: ContentType = "application/octet-stream"
}
