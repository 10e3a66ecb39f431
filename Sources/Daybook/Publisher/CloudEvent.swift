import DaybookCore
import Foundation

/// An event as other systems get it, in the form of CloudEvents 1.0 (https://github.com/cloudevents/spec).
///
/// Together, ``source`` and ``id`` name an event for good: whoever receives one twice can tell.
public struct CloudEvent: Sendable, Hashable {
    /// The recorded event's identifier; that of a further event that an upcaster made of it has a number behind it.
    public var id: String
    /// Where it happened, as a URI reference, such as `/shop/accounts`.
    public var source: String
    public var type: EventType
    /// The stream.
    public var subject: String
    /// When the store recorded it.
    public var time: Timestamp
    public var contentType: ContentType
    public var data: [UInt8]
    /// Further attributes. Their names are lower-case letters and digits, and none of those above.
    ///
    /// `partitionkey` is the stream, whose events are in order; `position` is that in the log, `streamversion` that in the
    /// stream; `schemaversion` is the version of the data's shape.
    public var extensions: [String: String]

    public init(
        id: String, source: String, type: EventType, subject: String, time: Timestamp, contentType: ContentType = .json,
        data: [UInt8], extensions: [String: String] = [:]
    ) {
        self.id = id
        self.source = source
        self.type = type
        self.subject = subject
        self.time = time
        self.contentType = contentType
        self.data = data
        self.extensions = extensions
    }

    /// All attributes as text, those that every event has first: for bindings that put them beside the data, such as
    /// headers.
    public var attributes: [(name: String, value: String)] {
        [
            ("specversion", "1.0"), ("id", id), ("source", source), ("type", type.rawValue), ("subject", subject),
            ("time", "\(time)"), ("datacontenttype", contentType.rawValue),
        ] + extensions.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// The event as one JSON object (`application/cloudevents+json`): the data as JSON where it is, else in base 64.
    public var json: [UInt8] {
        var members = Dictionary(attributes.map { ($0.name, JSONValue.string($0.value)) }) { first, _ in first }
        if contentType.isJSON, let value = try? JSONValue(parsing: data) {
            members["data"] = value
        } else {
            members["data_base64"] = .string(Data(data).base64EncodedString())
        }
        return JSONValue.object(members).bytes
    }
}

extension ContentType {
    fileprivate var isJSON: Bool {
        let type = rawValue.prefix { $0 != ";" }.lowercased()
        return type == ContentType.json.rawValue || type.hasSuffix("+json")
    }
}
