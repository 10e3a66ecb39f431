#if Kafka
import Foundation

/// The name of a header, and the attribute that it may be.
struct HeaderName {
    let text: String
    /// Named as CloudEvents names it.
    let attribute: String
    /// `content-type`, which also tells the form of a record.
    let isContentType: Bool

    /// - Returns: Nil for a header of another kind.
    init?(_ text: String) {
        self.text = text
        if text.hasPrefix(RecordHeader.prefix) {
            attribute = String(text.dropFirst(RecordHeader.prefix.count))
            isContentType = false
        } else if text.lowercased() == RecordHeader.contentType {
            attribute = "datacontenttype"
            isContentType = true
        } else {
            return nil
        }
    }
}

/// The names of a record's headers as they were last seen: records of one sender have the same ones in the same order, so
/// that none has to be made again.
struct HeaderNames {
    private var seen: [(bytes: [CChar], name: HeaderName?)] = []

    /// A header's name by its place among the others; nil for one that can be no attribute.
    mutating func name(at index: Int, _ bytes: UnsafePointer<CChar>) -> HeaderName? {
        if index < seen.count {
            if seen[index].bytes.withUnsafeBufferPointer({ strcmp($0.baseAddress!, bytes) == 0 }) {
                return seen[index].name
            }
            seen.removeSubrange(index...)
        }
        let name = HeaderName(String(cString: bytes))
        // Places are asked for in turn; a record with thousands of headers is not worth remembering.
        if index == seen.count, index < 64 {
            seen.append((Array(UnsafeBufferPointer(start: bytes, count: strlen(bytes) + 1)), name))
        }
        return name
    }
}
#endif
