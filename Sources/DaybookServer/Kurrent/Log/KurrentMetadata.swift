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
        guard let keys = try? JSONDecoder().decode(Keys.self, from: Data(data)) else { return }
        maxAge = keys.maxAge?.number(atLeast: 1)
        maxCount = keys.maxCount?.number(atLeast: 1)
        truncateBefore = keys.truncateBefore?.number(atLeast: 0)
    }

    private struct Keys: Decodable {
        var maxAge: Value?
        var maxCount: Value?
        var truncateBefore: Value?

        enum CodingKeys: String, CodingKey {
            case maxAge = "$maxAge"
            case maxCount = "$maxCount"
            case truncateBefore = "$tb"
        }

        /// A whole number, or something else that counts as absent.
        struct Value: Decodable {
            private let number: Int64?

            init(from decoder: any Decoder) throws { number = try? decoder.singleValueContainer().decode(Int64.self) }

            func number(atLeast least: Int64) -> Int64? { number.flatMap { $0 >= least ? $0 : nil } }
        }
    }

    var isDeletion: Bool { truncateBefore == Self.deleted }

    var retention: Retention {
        Retention(
            maxAge: maxAge.map { .seconds($0) }, maxCount: maxCount,
            truncateBefore: truncateBefore.map { StreamVersion($0) })
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
