import DaybookCore
import Foundation

/// An event as one line of JSON: what `read --json`, `follow --json` and `export` write, and `import` reads.
///
/// ```json
/// {"position":7,"stream":"order-1","version":0,"id":"0190…","type":"OrderPlaced","schemaVersion":1,
///  "contentType":"application/json","recordedAt":"2026-01-02T03:04:05.000006Z","data":{"size":10},
///  "metadata":{"$actor":"mia"},"tags":["owner:17"]}
/// ```
///
/// `data` and `metadata` stand as they were appended, byte for byte, when they are one JSON value on one line; otherwise
/// they are in `dataBase64` and `metadataBase64`. Empty ones, and no tags, are left out.
enum EventLine {
    static func encode(_ event: RecordedEvent) -> [UInt8] {
        var line = JSONLine()
        line.add("position", event.position.rawValue)
        line.add("stream", event.stream.rawValue)
        line.add("version", event.version.rawValue)
        line.add("id", event.id.description)
        line.add("type", event.type.rawValue)
        line.add("schemaVersion", event.schemaVersion)
        line.add("contentType", event.contentType.rawValue)
        line.add("recordedAt", event.recordedAt.description)
        addPayload("data", event.data, to: &line)
        addPayload("metadata", event.metadata, to: &line)
        if !event.tags.isEmpty { line.add("tags", event.tags.map(\.rawValue)) }
        return line.finished()
    }

    private static func addPayload(_ key: String, _ bytes: ArraySlice<UInt8>, to line: inout JSONLine) {
        if bytes.isEmpty { return }
        if standsOnLine(bytes) {
            line.add(key, raw: bytes)
        } else {
            line.add("\(key)Base64", Data(bytes).base64EncodedString())
        }
    }

    /// Whether the bytes come back the same when they are cut out of a line of JSON again.
    private static func standsOnLine(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let value = try? JSONText(parsing: bytes), value.bytes.count == bytes.count else { return false }
        return !bytes.contains(UInt8(ascii: "\n")) && !bytes.contains(UInt8(ascii: "\r"))
    }
}
