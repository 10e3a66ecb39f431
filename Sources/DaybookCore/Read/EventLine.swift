#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// An event as one line of JSON: what `read --json`, `follow --json` and `export` write, `import` reads, and the server's HTTP
/// API answers.
///
/// ```json
/// {"position":7,"stream":"order-1","version":0,"id":"0190…","type":"OrderPlaced","schemaVersion":1,
///  "contentType":"application/json","recordedAt":"2026-01-02T03:04:05.000006Z","data":{"size":10},
///  "metadata":{"$actor":"mia"},"tags":["owner:17"]}
/// ```
///
/// `data` and `metadata` stand as they were appended, byte for byte, when they are one JSON value on one line; otherwise
/// they are in `dataBase64` and `metadataBase64`. Empty ones, and no tags, are left out.
package enum EventLine {
    /// The object and the end of its line.
    package static func encode(_ event: RecordedEvent) -> [UInt8] {
        var line: [UInt8] = []
        line.reserveCapacity(size(of: event))
        append(event, to: &line)
        line.append(UInt8(ascii: "\n"))
        return line
    }

    /// About how many bytes ``append(_:to:)`` writes.
    package static func size(of event: RecordedEvent) -> Int { event.data.count + event.metadata.count + 384 }

    /// Writes the object behind what stands there: no string is made but for base 64.
    package static func append(_ event: RecordedEvent, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: #"{"position":"#.utf8)
        bytes.append(contentsOf: String(event.position.rawValue).utf8)
        bytes.append(contentsOf: #","stream":"#.utf8)
        bytes.appendJSONString(event.stream.rawValue)
        bytes.append(contentsOf: #","version":"#.utf8)
        bytes.append(contentsOf: String(event.version.rawValue).utf8)
        bytes.append(contentsOf: #","id":""#.utf8)
        event.id.append(to: &bytes)
        bytes.append(contentsOf: #"","type":"#.utf8)
        bytes.appendJSONString(event.type.rawValue)
        bytes.append(contentsOf: #","schemaVersion":"#.utf8)
        bytes.append(contentsOf: String(event.schemaVersion).utf8)
        bytes.append(contentsOf: #","contentType":"#.utf8)
        bytes.appendJSONString(event.contentType.rawValue)
        bytes.append(contentsOf: #","recordedAt":""#.utf8)
        event.recordedAt.append(to: &bytes)
        bytes.append(UInt8(ascii: "\""))
        append(event.data, as: "data", to: &bytes)
        append(event.metadata, as: "metadata", to: &bytes)
        if !event.tags.isEmpty {
            bytes.append(contentsOf: #","tags":"#.utf8)
            for (index, tag) in event.tags.enumerated() {
                bytes.append(UInt8(ascii: index == 0 ? "[" : ","))
                bytes.appendJSONString(tag.rawValue)
            }
            bytes.append(UInt8(ascii: "]"))
        }
        bytes.append(UInt8(ascii: "}"))
    }

    private static func append(_ payload: ArraySlice<UInt8>, as key: StaticString, to bytes: inout [UInt8]) {
        if payload.isEmpty { return }
        bytes.append(contentsOf: #",""#.utf8)
        key.withUTF8Buffer { bytes.append(contentsOf: $0) }
        if standsOnLine(payload) {
            bytes.append(contentsOf: #"":"#.utf8)
            bytes.append(contentsOf: payload)
        } else {
            bytes.append(contentsOf: #"Base64":""#.utf8)
            bytes.append(contentsOf: Data(payload).base64EncodedString().utf8)
            bytes.append(UInt8(ascii: "\""))
        }
    }

    /// Whether the bytes come back the same when they are cut out of a line of JSON again.
    package static func standsOnLine(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let value = try? JSONText(parsing: bytes), value.bytes.count == bytes.count else { return false }
        return !bytes.contains(UInt8(ascii: "\n")) && !bytes.contains(UInt8(ascii: "\r"))
    }
}
