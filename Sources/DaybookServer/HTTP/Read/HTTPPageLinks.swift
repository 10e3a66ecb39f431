#if Server
import DaybookCore

/// The addresses of the pages beside one.
struct HTTPPageLinks: Sendable, Equatable {
    /// What follows in the direction of the read; nil at the end.
    var next: String?
    /// What comes before, in the other direction; nil when nothing can.
    var previous: String?

    /// Members of a JSON object behind others.
    func appendMembers(to bytes: inout [UInt8]) {
        for (name, link) in [("next", next), ("previous", previous)] {
            bytes += #","\#(name)":"#.utf8
            if let link { bytes.appendJSONString(link) } else { bytes += "null".utf8 }
        }
    }

    /// The value of the header `Link`; nil when there is none.
    ///
    /// See https://www.rfc-editor.org/rfc/rfc8288
    var header: String? {
        let parts = [("next", next), ("prev", previous)].compactMap { name, link in
            link.map { "<\($0)>; rel=\"\(name)\"" }
        }
        return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }
}
#endif
