#if Server
import CNGHTTP2

/// Headers or trailers that are to be sent, as libnghttp2 takes them.
///
/// One that is made once and kept for good is sent without being copied.
final class HTTP2Fields: @unchecked Sendable {
    private let bytes: UnsafeMutablePointer<UInt8>
    private let fields: UnsafeMutableBufferPointer<nghttp2_nv>

    /// - Parameter isLasting: It lives as long as the process.
    init(_ list: [(name: String, value: String)], isLasting: Bool = false) {
        let count = list.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
        bytes = .allocate(capacity: max(count, 1))
        fields = .allocate(capacity: list.count)
        let flags = isLasting ? NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue | NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue : 0
        var place = bytes
        for (index, field) in list.enumerated() {
            let name = place
            for byte in field.name.utf8 {
                place.initialize(to: byte)
                place += 1
            }
            let value = place
            for byte in field.value.utf8 {
                place.initialize(to: byte)
                place += 1
            }
            fields.initializeElement(
                at: index,
                to: nghttp2_nv(
                    name: name, value: value, namelen: value - name, valuelen: place - value,
                    flags: UInt8(truncatingIfNeeded: flags)))
        }
    }

    deinit {
        bytes.deallocate()
        fields.deallocate()
    }

    /// The fields are good for the time of the call.
    func withFields(_ body: (UnsafeMutableBufferPointer<nghttp2_nv>) -> Void) { body(fields) }
}
#endif
