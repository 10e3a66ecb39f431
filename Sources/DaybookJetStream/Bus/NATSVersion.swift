#if JetStream
/// A server's version, as `2.15.1`.
struct NATSVersion: Comparable, Sendable, CustomStringConvertible {
    var major: Int
    var minor: Int

    /// The first one that resets a consumer to where its acknowledgements end.
    static let consumerReset = NATSVersion(major: 2, minor: 14)
    /// The first one with atomic batches.
    static let atomicBatches = NATSVersion(major: 2, minor: 12)

    init(major: Int, minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// Nil for a text that is none.
    init?(_ text: String) {
        let numbers = text.split(separator: ".").prefix(2).map { Int($0.prefix { $0.isNumber }) }
        guard numbers.count == 2, let major = numbers[0], let minor = numbers[1] else { return nil }
        self.init(major: major, minor: minor)
    }

    static func < (first: NATSVersion, second: NATSVersion) -> Bool {
        (first.major, first.minor) < (second.major, second.minor)
    }

    var description: String { "\(major).\(minor)" }
}
#endif
