#if Server
import NIOCore

/// The time that a client gives a call: one to eight digits and a unit, as in `10S`.
///
/// See https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests
enum RPCTimeout {
    /// Nil for text of another form.
    static func parse(_ text: String) -> TimeAmount? {
        guard let unit = text.utf8.last, (2...9).contains(text.utf8.count),
            text.utf8.dropLast().allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let count = Int64(text.dropLast())
        else {
            return nil
        }
        switch unit {
        case UInt8(ascii: "H"): return .hours(count)
        case UInt8(ascii: "M"): return .minutes(count)
        case UInt8(ascii: "S"): return .seconds(count)
        case UInt8(ascii: "m"): return .milliseconds(count)
        case UInt8(ascii: "u"): return .microseconds(count)
        case UInt8(ascii: "n"): return .nanoseconds(count)
        default: return nil
        }
    }
}
#endif
