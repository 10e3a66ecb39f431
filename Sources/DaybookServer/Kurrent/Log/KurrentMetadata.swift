#if Server
import DaybookCore
import Foundation

/// The metadata of a stream: the JSON object of the last event of `$$` and its name.
///
/// A key whose value is of another type, or out of range, counts as absent; data that is no JSON object as empty metadata.
struct KurrentMetadata: Sendable, Equatable {
    var maxAge: Int64?
    var maxCount: Int64?
    var truncateBefore: Int64?

    /// What `$tb` is of a stream that is deleted softly.
    static let deleted = Int64.max

    init(decoding data: some Collection<UInt8>) {
        guard let object = (try? JSONSerialization.jsonObject(with: Data(data))) as? [String: Any] else { return }
        maxAge = Self.number(object["$maxAge"], atLeast: 1)
        maxCount = Self.number(object["$maxCount"], atLeast: 1)
        truncateBefore = Self.number(object["$tb"], atLeast: 0)
    }

    var isDeletion: Bool { truncateBefore == Self.deleted }

    var retention: Retention {
        Retention(
            maxAge: maxAge.map { .seconds($0) }, maxCount: maxCount,
            truncateBefore: truncateBefore.map { StreamVersion($0) })
    }

    private static func number(_ value: Any?, atLeast least: Int64) -> Int64? {
        guard let number = value as? NSNumber, !(value is Bool),
            let whole = Int64(exactly: number.doubleValue) ?? exact(number),
            whole >= least
        else { return nil }
        return exact(number) ?? whole
    }

    /// Numbers that a double cannot tell apart, such as 2^63 - 1.
    private static func exact(_ number: NSNumber) -> Int64? {
        let whole = number.int64Value
        return NSNumber(value: whole) == number ? whole : nil
    }

    /// The same object with another `$tb`: what follows when a deleted stream is written again.
    static func replacingTruncation(in data: some Collection<UInt8>, with version: Int64) -> [UInt8] {
        var object = ((try? JSONSerialization.jsonObject(with: Data(data))) as? [String: Any]) ?? [:]
        object["$tb"] = NSNumber(value: version)
        guard let text = try? JSONSerialization.data(withJSONObject: object, options: [.sortedKeys]) else {
            return Array("{\"$tb\":\(version)}".utf8)
        }
        return Array(text)
    }
}
#endif
